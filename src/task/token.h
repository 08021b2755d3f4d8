/* task/token.h - cancellation tokens, for scopes and the runtime; see <weir/token.h>. */
#ifndef WEIR_TASK_TOKEN_H
#define WEIR_TASK_TOKEN_H

#include <weir/token.h>

struct weir__scope;

/* Has a scope that is being opened cancelled with the token. 0 or WEIR_EBADHANDLE. */
int weir__token_bind(weir_token token, struct weir__scope *scope);
/* Ends that: a cancel that has begun to reach the scope counts in it. */
void weir__token_unbind(struct weir__scope *scope);

#endif
