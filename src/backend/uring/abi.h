/* backend/uring/abi.h - the io_uring interface, with what the system's headers may lack.
 *
 * The one place where newer constants are defined, each with the kernel version that brought it.
 * Which of them work is found out by trying, never by version.
 */
#ifndef WEIR_BACKEND_URING_ABI_H
#define WEIR_BACKEND_URING_ABI_H

#include <linux/io_uring.h>
#include <linux/version.h>

#ifndef IORING_SETUP_NO_SQARRAY /* 6.6 */
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif
#ifndef IORING_SETUP_DEFER_TASKRUN /* 6.1 */
#define IORING_SETUP_DEFER_TASKRUN (1U << 13)
#endif
#ifndef IORING_SETUP_SINGLE_ISSUER /* 6.0 */
#define IORING_SETUP_SINGLE_ISSUER (1U << 12)
#endif
#ifndef IORING_ENTER_NO_IOWAIT /* 6.15 */
#define IORING_ENTER_NO_IOWAIT (1U << 7)
#endif
#define WEIR__URING_OP_FTRUNCATE 55 /* 6.9 */
#define WEIR__URING_OP_SEND_ZC   47 /* 6.0 */
#ifndef IORING_CQE_F_NOTIF          /* 6.0 */
#define IORING_CQE_F_NOTIF (1U << 3)
#endif
#ifndef IORING_SEND_ZC_REPORT_USAGE /* 6.2 */
#define IORING_SEND_ZC_REPORT_USAGE  (1U << 3)
#define IORING_NOTIF_USAGE_ZC_COPIED (1U << 31)
#endif
#ifndef IORING_RECVSEND_POLL_FIRST /* 5.19 */
#define IORING_RECVSEND_POLL_FIRST (1U << 0)
#endif
#ifndef IORING_CQE_F_SOCK_NONEMPTY /* 5.19 */
#define IORING_CQE_F_SOCK_NONEMPTY (1U << 2)
#endif

#endif
