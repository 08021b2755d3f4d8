/* os/environment.h - the environment for those inside of weir who hand it on. */
#ifndef WEIR_OS_ENVIRONMENT_H
#define WEIR_OS_ENVIRONMENT_H

/* A copy of the environment if the program changes it by weir's calls, so that nobody changes it
 * meanwhile; else *out is NULL, and the environment itself will do. 0, or WEIR_ENOMEM. The caller
 * frees it by weir_environment_free. Any thread. */
int weir__environment_keep(char ***out);

#endif
