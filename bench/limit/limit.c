/*
 * The machine's limit: the least work a process can do on io_uring and still answer
 * `GET /` with the bytes our own server sends. Every other row of the bench is read against it.
 *
 * It is not a web server. It counts the ends of request heads ("\r\n\r\n") and sends that many copies of
 * one constant response: no parsing, no bodies, no timeouts, no date but a constant one of the right
 * length. A connection whose first request says "Connection: close" is closed after it. What is left is what the kernel charges for the traffic itself.
 *
 * One thread, one ring:
 *   - multishot accept into direct descriptors (no file table of the process is touched);
 *   - one recv per connection, then a multishot one, filling buffers of one shared ring of provided buffers;
 *   - one send for all requests found in one received buffer;
 *   - every submission of a batch of completions goes down with the wait for the next batch.
 *
 * Usage: limit [PORT]     prints "listening PORT" and runs until killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum {
  SQ_ENTRIES = 4096,
  CQ_ENTRIES = 16384,
  CONNECTIONS_MAX = 16384, /* lowered to the limit on open files, which bounds a direct descriptor table */
  BUFFERS = 1024,          /* a power of two, as the ring of provided buffers demands */
  BUFFER_BYTES = 4096,
  BUFFER_GROUP = 1,
  /* The shortest head is the four bytes we look for, and one more may have begun in an earlier buffer. */
  ANSWERS_MAX = BUFFER_BYTES / 4 + 1,
};

static const char ANSWER[] =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 13\r\n"
    "Date: Tue, 01 Jan 2030 00:00:00 GMT\r\n"
    "\r\n"
    "Hello, World!";
enum { ANSWER_BYTES = sizeof ANSWER - 1 };

/* Asked for by a client that sends no other request: the answer says so too, and the connection is closed after it. */
static const char CLOSE[] = "Connection: close\r\n";
enum { CLOSE_BYTES = sizeof CLOSE - 1 };
static const char LAST_ANSWER[] =
    "HTTP/1.1 200 OK\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 13\r\n"
    "Date: Tue, 01 Jan 2030 00:00:00 GMT\r\n"
    "Connection: close\r\n"
    "\r\n"
    "Hello, World!";
enum { LAST_ANSWER_BYTES = sizeof LAST_ANSWER - 1 };

/* What a completion belongs to, in the top byte of user_data. */
enum { OP_ACCEPT = 1, OP_RECV, OP_SEND, OP_SHUTDOWN, OP_CLOSE };

struct connection {
  uint32_t generation; /* told apart in user_data: a slot is reused, and late completions must not hit its heir */
  uint8_t fresh;       /* nothing was received yet */
  uint8_t matched;     /* bytes of "\r\n\r\n" seen so far: a head may end in a later buffer */
};

static struct io_uring ring;
static struct io_uring_buf_ring *buffer_ring;
static char *buffers;
static char *answers; /* ANSWERS_MAX copies of ANSWER, so that any number of them is one send */
static struct connection *connections;
static unsigned connections_max;
static int listener;
static int accepting;

static void die(const char *what, int error) {
  fprintf(stderr, "limit: %s: %s\n", what, strerror(error < 0 ? -error : error));
  exit(1);
}

static uint64_t tag(unsigned op, unsigned slot) {
  uint64_t generation = op == OP_ACCEPT ? 0 : connections[slot].generation & 0xffffff;
  return (uint64_t)op << 56 | generation << 32 | slot;
}

static struct io_uring_sqe *next_sqe(void) {
  struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
  while (!sqe) { /* the queue is full: hand over what it holds */
    int submitted = io_uring_submit(&ring);
    if (submitted < 0 && submitted != -EINTR && submitted != -EAGAIN) die("submit", submitted);
    sqe = io_uring_get_sqe(&ring);
  }
  return sqe;
}

static void arm_accept(void) {
  struct io_uring_sqe *sqe = next_sqe();
  io_uring_prep_multishot_accept_direct(sqe, listener, NULL, NULL, 0);
  sqe->user_data = tag(OP_ACCEPT, 0);
  accepting = 1;
}

/* The first is no multishot one: a connection for one request has nothing in flight then, and can be closed as soon as it is answered. */
static void arm_recv(unsigned slot) {
  struct io_uring_sqe *sqe = next_sqe();
  if (connections[slot].fresh) io_uring_prep_recv(sqe, slot, NULL, 0, 0);
  else io_uring_prep_recv_multishot(sqe, slot, NULL, 0, 0);
  sqe->flags |= IOSQE_FIXED_FILE | IOSQE_BUFFER_SELECT;
  sqe->buf_group = BUFFER_GROUP;
  sqe->user_data = tag(OP_RECV, slot);
}

/*
 * MSG_DONTWAIT keeps a send from being parked in the kernel, where a later one could overtake it; MSG_WAITALL turns a
 * short send into a failure. So a success needs no completion, and any completion means the client
 * stopped reading or left: it is cut off.
 */
static void send_answers(unsigned slot, unsigned count) {
  struct io_uring_sqe *sqe = next_sqe();
  io_uring_prep_send(sqe, slot, answers, (size_t)count * ANSWER_BYTES, MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT);
  sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
  sqe->user_data = tag(OP_SEND, slot);
}

/* Ends the connection's recv; that completion then closes it. */
static void cut_off(unsigned slot) {
  struct io_uring_sqe *sqe = next_sqe();
  io_uring_prep_shutdown(sqe, slot, SHUT_RDWR);
  sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS;
  sqe->user_data = tag(OP_SHUTDOWN, slot);
}

static void close_connection(unsigned slot) {
  struct io_uring_sqe *sqe = next_sqe();
  io_uring_prep_close_direct(sqe, slot);
  sqe->flags |= IOSQE_CQE_SKIP_SUCCESS;
  sqe->user_data = tag(OP_CLOSE, slot);
  connections[slot].generation++;
  if (!accepting) arm_accept(); /* it ended because the table was full; the close above runs first */
}

/* Answers and closes, in one chain: the close comes whatever became of the send, of which nobody hears as the slot is another's by then. */
static void answer_last(unsigned slot) {
  struct io_uring_sqe *sqe = next_sqe();
  io_uring_prep_send(sqe, slot, LAST_ANSWER, LAST_ANSWER_BYTES, MSG_NOSIGNAL | MSG_WAITALL | MSG_DONTWAIT);
  sqe->flags |= IOSQE_FIXED_FILE | IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_HARDLINK;
  sqe->user_data = tag(OP_SEND, slot);
  close_connection(slot);
}

/* Request heads that end in these bytes. memchr skips to the next candidate, so long lines cost little. */
static unsigned count_heads(const char *at, size_t length, uint8_t *matched) {
  static const char END[4] = {'\r', '\n', '\r', '\n'};
  const char *end = at + length;
  unsigned heads = 0, match = *matched;
  while (at < end) {
    if (match == 0) {
      at = memchr(at, '\r', (size_t)(end - at));
      if (!at) break;
      match = 1;
    } else if (*at == END[match]) {
      if (++match == 4) heads++, match = 0;
    } else {
      match = *at == '\r';
    }
    at++;
  }
  *matched = (uint8_t)match;
  return heads;
}

static void on_accept(int result, unsigned flags) {
  if (!(flags & IORING_CQE_F_MORE)) accepting = 0;
  if (result >= 0) {
    connections[result].fresh = 1;
    connections[result].matched = 0;
    arm_recv((unsigned)result);
  } else if (result != -ENFILE && result != -ECONNABORTED && result != -EINTR && result != -EAGAIN) {
    die("accept", result);
  }
  if (!accepting && result != -ENFILE) arm_accept();
}

static void on_recv(unsigned slot, int result, unsigned flags) {
  int fresh = connections[slot].fresh;
  if (result != -ENOBUFS) connections[slot].fresh = 0;
  if (result > 0) {
    unsigned id = flags >> IORING_CQE_BUFFER_SHIFT;
    char *buffer = buffers + (size_t)id * BUFFER_BYTES;
    unsigned heads = count_heads(buffer, (size_t)result, &connections[slot].matched);
    int last = fresh && heads == 1 && memmem(buffer, (size_t)result, CLOSE, CLOSE_BYTES);
    io_uring_buf_ring_add(buffer_ring, buffer, BUFFER_BYTES, id, io_uring_buf_ring_mask(BUFFERS), 0);
    io_uring_buf_ring_advance(buffer_ring, 1);
    if (last) {
      answer_last(slot);
      return;
    }
    if (heads > 0) send_answers(slot, heads);
  }
  if (flags & IORING_CQE_F_MORE) return;
  /* ENOBUFS is not the connection's fault: by the time this is submitted the batch has returned its buffers. */
  if (result > 0 || result == -ENOBUFS || result == -EINTR || result == -EAGAIN) arm_recv(slot);
  else close_connection(slot);
}

static void on_completion(const struct io_uring_cqe *cqe) {
  unsigned op = (unsigned)(cqe->user_data >> 56);
  unsigned slot = (unsigned)cqe->user_data;
  if (op == OP_ACCEPT) on_accept(cqe->res, cqe->flags);
  else if (op == OP_RECV) on_recv(slot, cqe->res, cqe->flags);
  else if (op == OP_SEND && cqe->user_data == tag(OP_SEND, slot)) cut_off(slot);
  else if (op == OP_CLOSE) die("close", cqe->res);
  /* A failed shutdown, or a late send of a connection already closed, leaves nothing to do. */
}

static void open_listener(unsigned port) {
  int one = 1;
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t length = sizeof address;
  listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) die("socket", errno);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one); /* accepted sockets inherit it */
  if (bind(listener, (struct sockaddr *)&address, length) < 0) die("bind", errno);
  if (listen(listener, 4096) < 0) die("listen", errno);
  if (getsockname(listener, (struct sockaddr *)&address, &length) < 0) die("getsockname", errno);
  printf("listening %u\n", ntohs(address.sin_port));
  fflush(stdout);
}

static void open_ring(void) {
  struct io_uring_params params = {
      .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE, .cq_entries = CQ_ENTRIES};
  int error = io_uring_queue_init_params(SQ_ENTRIES, &ring, &params);
  if (error) die("io_uring_setup (needs Linux 6.1 and permission to use io_uring)", error);
  error = io_uring_register_ring_fd(&ring);
  if (error < 0) die("register ring fd", error);

  struct rlimit files;
  if (getrlimit(RLIMIT_NOFILE, &files) < 0) die("getrlimit", errno);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  connections_max = files.rlim_cur < CONNECTIONS_MAX ? (unsigned)files.rlim_cur : CONNECTIONS_MAX;
  error = io_uring_register_files_sparse(&ring, connections_max);
  if (error) die("register direct descriptors", error);
}

static void open_buffers(void) {
  void *memory = NULL;
  if (posix_memalign(&memory, 4096, BUFFERS * sizeof(struct io_uring_buf))) die("memory", ENOMEM);
  memset(memory, 0, BUFFERS * sizeof(struct io_uring_buf));
  buffer_ring = memory;
  buffers = malloc((size_t)BUFFERS * BUFFER_BYTES);
  answers = malloc((size_t)ANSWERS_MAX * ANSWER_BYTES);
  connections = calloc(connections_max, sizeof *connections);
  if (!buffers || !answers || !connections) die("memory", ENOMEM);
  for (unsigned i = 0; i < ANSWERS_MAX; i++) memcpy(answers + (size_t)i * ANSWER_BYTES, ANSWER, ANSWER_BYTES);

  struct io_uring_buf_reg registration = {
      .ring_addr = (uint64_t)(uintptr_t)buffer_ring, .ring_entries = BUFFERS, .bgid = BUFFER_GROUP};
  int error = io_uring_register_buf_ring(&ring, &registration, 0);
  if (error) die("register buffer ring", error);
  io_uring_buf_ring_init(buffer_ring);
  for (unsigned i = 0; i < BUFFERS; i++) {
    io_uring_buf_ring_add(buffer_ring, buffers + (size_t)i * BUFFER_BYTES, BUFFER_BYTES, (unsigned short)i,
                          io_uring_buf_ring_mask(BUFFERS), (int)i);
  }
  io_uring_buf_ring_advance(buffer_ring, BUFFERS);
}

int main(int argc, char **argv) {
  long port = argc > 1 ? strtol(argv[1], NULL, 10) : 0;
  if (port < 0 || port > 65535) die("port", EINVAL);
  open_ring();
  open_buffers();
  open_listener((unsigned)port);
  arm_accept();
  for (;;) {
    int error = io_uring_submit_and_wait(&ring, 1);
    if (error < 0 && error != -EINTR && error != -EBUSY && error != -EAGAIN) die("wait", error);
    struct io_uring_cqe *cqe;
    unsigned head, seen = 0;
    io_uring_for_each_cqe(&ring, head, cqe) {
      on_completion(cqe);
      seen++;
    }
    io_uring_cq_advance(&ring, seen);
  }
}
