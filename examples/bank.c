/* bank.c - strands: state that many use, without a lock.
 *
 *   cc -o bank bank.c $(pkg-config --cflags --libs weir)
 *   ./bank 20000
 *
 * Each account is used only in its own strand. Clerks, on all workers, move amounts between
 * accounts: the withdrawal is a call, whose result they need, and runs when it is the account's
 * turn; the deposit is posted, and they do not wait for it. A task of the first account's strand
 * takes fees: between two suspensions nobody else touches that account. When the clerks have gone
 * the accounts are asked in the same way: "20000 transfers, 8000 in the bank".
 */
#include <stdio.h>
#include <stdlib.h>
#include <weir.h>

enum {
    ACCOUNTS = 8,
    CLERKS = 10,
    FIRST = 1000
};

struct account {
    weir_strand strand;
    long balance, fees; /* in the strand */
};

struct bank {
    struct account accounts[ACCOUNTS];
    int transfers; /* of each clerk */
};

/* One of these is on its way a transfer, and is released by the deposit. */
struct amount {
    struct account *account;
    long value;
};

static int withdraw(void *arg)
{
    struct amount *amount = arg;

    if (amount->value > amount->account->balance)
        amount->value = amount->account->balance;
    amount->account->balance -= amount->value;
    return 0;
}

static void deposit(void *arg)
{
    struct amount *amount = arg;

    amount->account->balance += amount->value;
    free(amount);
}

static int transfer(struct account *from, struct account *to, long value)
{
    struct amount *amount = malloc(sizeof *amount);
    int rc;

    if (!amount)
        return WEIR_ENOMEM;
    *amount = (struct amount){from, value};
    rc = weir_strand_run(from->strand, withdraw, amount);
    if (rc < 0) { /* nothing was withdrawn */
        free(amount);
        return rc;
    }
    amount->account = to;
    while ((rc = weir_strand_post(to->strand, deposit, amount)) == WEIR_ELIMIT)
        (void)weir_yield(); /* that account is far behind */
    return rc;
}

static unsigned draw(unsigned *state, unsigned below)
{
    *state = *state * 1664525u + 1013904223u;
    return (*state >> 16) % below;
}

static int work_as_clerk(void *arg)
{
    struct bank *bank = arg;
    unsigned seed = (unsigned)weir_task_id();
    int i, rc = 0;

    for (i = 0; i < bank->transfers && rc == 0; i++) {
        struct account *from = &bank->accounts[draw(&seed, ACCOUNTS)];
        struct account *to = &bank->accounts[draw(&seed, ACCOUNTS)];

        rc = transfer(from, to, draw(&seed, 200));
    }
    return rc;
}

/* A task of the strand: what it sees of the balance holds until it suspends. */
static int take_fees(void *arg)
{
    struct account *account = arg;
    int i, rc = 0;

    for (i = 0; i < 10 && rc == 0; i++) {
        account->balance--;
        account->fees++;
        rc = weir_yield(); /* others have the account */
    }
    return rc;
}

static int add_balance(void *arg)
{
    struct amount *sum = arg;

    sum->value += sum->account->balance + sum->account->fees;
    return 0;
}

static int app(void *arg)
{
    struct bank bank = {.transfers = *(int *)arg / CLERKS};
    struct amount sum = {0};
    weir_scope scope, clerks;
    int i, rc = weir_scope_open(&scope);

    if (rc < 0)
        return rc;
    for (i = 0; i < ACCOUNTS && rc == 0; i++) {
        bank.accounts[i].balance = FIRST;
        rc = weir_strand_open(&scope, &bank.accounts[i].strand);
    }
    if (rc == 0)
        rc = weir_strand_spawn(bank.accounts[0].strand, take_fees, &bank.accounts[0]);
    weir_scope_open(&clerks);
    for (i = 0; i < CLERKS && rc == 0; i++)
        rc = weir_spawn(&clerks, work_as_clerk, &bank);
    if (rc < 0)
        weir_scope_cancel(&clerks);
    i = weir_scope_join(&clerks);
    rc = rc < 0 ? rc : i;
    for (i = 0; i < ACCOUNTS && rc == 0; i++) { /* behind the deposits that were posted */
        sum.account = &bank.accounts[i];
        rc = weir_strand_run(bank.accounts[i].strand, add_balance, &sum);
    }
    i = weir_scope_join(&scope);
    rc = rc < 0 ? rc : i;
    if (rc == 0)
        printf("%d transfers, %ld in the bank\n", bank.transfers * CLERKS, sum.value);
    return rc;
}

int main(int argc, char **argv)
{
    int transfers = argc > 1 ? atoi(argv[1]) : 20000;
    int rc = weir_run(app, &transfers, NULL);

    if (rc < 0)
        fprintf(stderr, "bank: %s\n", weir_strerror(rc));
    return rc < 0;
}
