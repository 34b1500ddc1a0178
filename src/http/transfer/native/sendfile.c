/*
 * sendfile(2) for Node.js: the kernel sends bytes of a file to a socket without copying them through this process.
 *
 *   sendfile(socketFd, fileFd, offset, length, idleMilliseconds, callback(errno, bytesSent)) -> transfer
 *   cancel(transfer)
 *
 * The socket belongs to Node.js and is non-blocking. A thread of libuv's pool sends a slice, because the call waits for the disk
 * if a page is not in memory. A slow client never blocks a thread: at EAGAIN the transfer returns to the event loop, which polls
 * a duplicate of the descriptor, because libuv allows one watcher per descriptor and Node.js has one.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <node_api.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <unistd.h>
#include <uv.h>

/* Bytes that a thread sends before it works on another transfer. */
#define SLICE_BYTES (4 * 1024 * 1024)

typedef struct {
  napi_env env;
  napi_ref callback;
  napi_async_context context;
  uv_loop_t *loop;
  uv_work_t work;
  uv_poll_t poll;
  uv_timer_t idle;
  int socket; /* duplicate of the descriptor */
  int file;
  off_t offset;
  size_t left;
  double sent;
  uint64_t idle_milliseconds;
  int error; /* errno; 0: no error */
  int working;
  int cancelled;
  int open_handles;
  int finishing;
} transfer_t;

static void start_slice(transfer_t *transfer);

/* Runs in the thread pool: sends until the socket is full, the slice is sent, or an error occurs. */
static void send_slice(uv_work_t *work) {
  transfer_t *transfer = work->data;
  size_t slice = transfer->left < SLICE_BYTES ? transfer->left : SLICE_BYTES;
  while (slice > 0) {
    ssize_t count = sendfile(transfer->socket, transfer->file, &transfer->offset, slice);
    if (count > 0) {
      slice -= (size_t)count;
      transfer->left -= (size_t)count;
      transfer->sent += (double)count;
    } else if (count == 0) {
      transfer->error = EIO; /* the file is shorter than the requested range */
      return;
    } else if (errno != EINTR) {
      transfer->error = errno;
      return;
    }
  }
}

static void call_back(transfer_t *transfer) {
  napi_env env = transfer->env;
  napi_handle_scope scope;
  napi_value callback, global, result, arguments[2];
  napi_open_handle_scope(env, &scope);
  napi_get_reference_value(env, transfer->callback, &callback);
  napi_get_global(env, &global);
  napi_create_int32(env, transfer->error, &arguments[0]);
  napi_create_double(env, transfer->sent, &arguments[1]);
  napi_make_callback(env, transfer->context, global, callback, 2, arguments, &result);
  napi_delete_reference(env, transfer->callback);
  napi_async_destroy(env, transfer->context);
  napi_close_handle_scope(env, scope);
}

static void on_closed(uv_handle_t *handle) {
  transfer_t *transfer = handle->data;
  if (--transfer->open_handles > 0) return;
  close(transfer->socket);
  call_back(transfer);
  free(transfer);
}

static void finish(transfer_t *transfer) {
  if (transfer->finishing) return;
  transfer->finishing = 1;
  uv_poll_stop(&transfer->poll);
  uv_close((uv_handle_t *)&transfer->poll, on_closed);
  uv_close((uv_handle_t *)&transfer->idle, on_closed);
}

static void on_writable(uv_poll_t *poll, int status, int events) {
  transfer_t *transfer = poll->data;
  (void)events;
  uv_poll_stop(poll);
  uv_timer_stop(&transfer->idle);
  if (status < 0) {
    transfer->error = -status;
    finish(transfer);
  } else {
    start_slice(transfer);
  }
}

/* Ends the transfer: the client has received nothing for `idle_milliseconds`. */
static void on_idle(uv_timer_t *timer) {
  transfer_t *transfer = timer->data;
  transfer->error = ETIMEDOUT;
  finish(transfer);
}

static void after_slice(uv_work_t *work, int status) {
  transfer_t *transfer = work->data;
  transfer->working = 0;
  if (status < 0 && transfer->error == 0) transfer->error = ECANCELED;
  /* A client may close its connection as soon as it has the last byte: that transfer is complete. */
  if (transfer->cancelled && transfer->left > 0 && (transfer->error == 0 || transfer->error == EAGAIN)) transfer->error = ECANCELED;
  if (transfer->error == EAGAIN && !transfer->cancelled) {
    transfer->error = 0;
    uv_timer_start(&transfer->idle, on_idle, transfer->idle_milliseconds, 0);
    uv_poll_start(&transfer->poll, UV_WRITABLE | UV_DISCONNECT, on_writable);
  } else if (transfer->error != 0 || transfer->left == 0) {
    finish(transfer);
  } else {
    start_slice(transfer);
  }
}

static void start_slice(transfer_t *transfer) {
  transfer->working = 1;
  int status = uv_queue_work(transfer->loop, &transfer->work, send_slice, after_slice);
  if (status < 0) {
    transfer->working = 0;
    transfer->error = -status;
    finish(transfer);
  }
}

static napi_value fail(napi_env env, const char *message) {
  napi_throw_error(env, NULL, message);
  return NULL;
}

static napi_value js_sendfile(napi_env env, napi_callback_info info) {
  size_t count = 6;
  napi_value arguments[6], external, name;
  int64_t offset, length, idle;
  int32_t socket, file;
  napi_get_cb_info(env, info, &count, arguments, NULL, NULL);
  if (count < 6 || napi_get_value_int32(env, arguments[0], &socket) != napi_ok || napi_get_value_int32(env, arguments[1], &file) != napi_ok ||
      napi_get_value_int64(env, arguments[2], &offset) != napi_ok || napi_get_value_int64(env, arguments[3], &length) != napi_ok ||
      napi_get_value_int64(env, arguments[4], &idle) != napi_ok || offset < 0 || length < 0) {
    return fail(env, "sendfile: bad arguments");
  }
  transfer_t *transfer = calloc(1, sizeof *transfer);
  if (!transfer) return fail(env, "sendfile: no memory");
  transfer->env = env;
  transfer->file = file;
  transfer->offset = (off_t)offset;
  transfer->left = (size_t)length;
  transfer->idle_milliseconds = (uint64_t)idle;
  transfer->work.data = transfer->poll.data = transfer->idle.data = transfer;
  transfer->socket = dup(socket);
  if (transfer->socket < 0 || napi_get_uv_event_loop(env, &transfer->loop) != napi_ok ||
      uv_poll_init(transfer->loop, &transfer->poll, transfer->socket) < 0) {
    if (transfer->socket >= 0) close(transfer->socket);
    free(transfer);
    return fail(env, "sendfile: the socket cannot be used");
  }
  uv_timer_init(transfer->loop, &transfer->idle);
  transfer->open_handles = 2;
  napi_create_string_utf8(env, "berth:sendfile", NAPI_AUTO_LENGTH, &name);
  napi_async_init(env, NULL, name, &transfer->context);
  napi_create_reference(env, arguments[5], 1, &transfer->callback);
  napi_create_external(env, transfer, NULL, NULL, &external);
  start_slice(transfer);
  return external;
}

/* Cancels a transfer. Must not be called after the callback, which frees the transfer. */
static napi_value js_cancel(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  transfer_t *transfer;
  napi_get_cb_info(env, info, &count, &argument, NULL, NULL);
  if (count < 1 || napi_get_value_external(env, argument, (void **)&transfer) != napi_ok) return fail(env, "cancel: bad argument");
  transfer->cancelled = 1;
  if (!transfer->working) {
    if (transfer->left > 0 && transfer->error == 0) transfer->error = ECANCELED;
    finish(transfer);
  }
  return NULL;
}

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "sendfile", NAPI_AUTO_LENGTH, js_sendfile, NULL, &function);
  napi_set_named_property(env, exports, "sendfile", function);
  napi_create_function(env, "cancel", NAPI_AUTO_LENGTH, js_cancel, NULL, &function);
  napi_set_named_property(env, exports, "cancel", function);
  return exports;
}
