/* SPDX-License-Identifier: MIT */
/*
 * Deliberate mistakes. `if (MUTANT(NAME))` is a constant: 0 in every correct driver, 1 in the one mutant that is built with -DMUTANT_NAME=1
 * (mutants/mutants.yaml). Both sides are always compiled, so a mutant cannot rot. No code of a mutant is in a correct driver's image.
 */
#ifndef MUTANT_H
#define MUTANT_H

#define MUTANT(name)                        MUTANT_VALUE(MUTANT_##name)
#define MUTANT_VALUE(symbol)                MUTANT_PASTE(symbol)
#define MUTANT_PASTE(value)                 MUTANT_CHOOSE(MUTANT_ARGUMENT_##value)
#define MUTANT_ARGUMENT_1                   0, /* makes the 1 behind it the second argument */
#define MUTANT_CHOOSE(argument)             MUTANT_SECOND(argument 1, 0, 0)
#define MUTANT_SECOND(ignored, result, ...) result

#endif
