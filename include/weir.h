/* weir.h - everything: includes the headers of weir/, one noun each. */
#ifndef WEIR_H
#define WEIR_H

#include <weir/address.h>
#include <weir/blocking.h>
#include <weir/chan.h>
#include <weir/count.h>
#include <weir/delay.h>
#include <weir/dir.h>
#include <weir/dump.h>
#include <weir/error.h>
#include <weir/fatal.h>
#include <weir/file.h>
#include <weir/generator.h>
#include <weir/guard.h>
#include <weir/http.h>
#include <weir/local.h>
#include <weir/log.h>
#include <weir/loop.h>
#include <weir/memory.h>
#include <weir/metrics.h>
#include <weir/net.h>
#include <weir/options.h>
#include <weir/pipe.h>
#include <weir/pipeline.h>
#include <weir/process.h>
#include <weir/ready.h>
#include <weir/runtime.h>
#include <weir/scope.h>
#include <weir/select.h>
#include <weir/signal.h>
#include <weir/sim.h>
#include <weir/socket.h>
#include <weir/sockopt.h>
#include <weir/strand.h>
#include <weir/stream.h>
#include <weir/sync.h>
#include <weir/task.h>
#include <weir/time.h>
#include <weir/token.h>
#include <weir/tty.h>
#include <weir/unix.h>

#endif
