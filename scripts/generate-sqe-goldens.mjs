// Writes packages/io-uring-opcode/src/opcodes/sqe-goldens.json: the submission entries that the system's liburing
// prepares, as 16 words in hexadecimal each. The tests of the opcodes compare theirs with these. Needs cc and liburing-dev.
//
//   node scripts/generate-sqe-goldens.mjs

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const TARGET = new URL('../packages/io-uring-opcode/src/opcodes/sqe-goldens.json', import.meta.url);

// Where record, memory and caller's bytes are pretended to be; the tests use the same numbers.
const PRELUDE = `
#define _GNU_SOURCE
#include <liburing.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define RECORD ((void *)0x100001000ULL)
#define RECORD_128 ((void *)0x100001080ULL)
#define BYTES ((void *)0x200002000ULL)
#define MEMORY ((void *)0x3fffff000ULL)
#define KEY 0x0000000700000005ULL
`;

// Each statement prepares one zeroed entry s.
const CASES = {
  nop: 'io_uring_prep_nop(s)',
  accept: 'io_uring_prep_accept(s, 9, RECORD, RECORD_128, SOCK_CLOEXEC)',
  'accept without peer, non-blocking':
    'io_uring_prep_accept(s, 9, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK)',
  'accept into slot 4': 'io_uring_prep_accept_direct(s, 9, RECORD, RECORD_128, 0, 4)',
  'accept into any slot, listener direct':
    'io_uring_prep_accept_direct(s, 9, RECORD, RECORD_128, 0, IORING_FILE_INDEX_ALLOC - 1); s->flags |= IOSQE_FIXED_FILE',
  'accept multi': 'io_uring_prep_multishot_accept(s, 9, 0, 0, SOCK_CLOEXEC)',
  'accept multi direct': 'io_uring_prep_multishot_accept_direct(s, 9, 0, 0, 0)',
  socket: 'io_uring_prep_socket(s, AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 6, 0)',
  'socket into slot 4': 'io_uring_prep_socket_direct(s, AF_UNIX, SOCK_DGRAM, 0, 4, 0)',
  'socket into any slot': 'io_uring_prep_socket_direct_alloc(s, AF_INET6, SOCK_STREAM, 0, 0)',
  'connect IPv4': 'io_uring_prep_connect(s, 9, RECORD, 16)',
  'connect IPv6 direct': 'io_uring_prep_connect(s, 9, RECORD, 28); s->flags |= IOSQE_FIXED_FILE',
  recv: 'io_uring_prep_recv(s, 9, MEMORY, 8192, 0)',
  'recv part, all, peek': 'io_uring_prep_recv(s, 9, MEMORY + 0x1000, 100, MSG_WAITALL | MSG_PEEK)',
  'recv from group 515':
    'io_uring_prep_recv(s, 9, 0, 0, 0); s->flags |= IOSQE_BUFFER_SELECT; s->buf_group = 515',
  'recv from group, poll first':
    'io_uring_prep_recv(s, 9, 0, 64, 0); s->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE; s->buf_group = 1; s->ioprio = IORING_RECVSEND_POLL_FIRST',
  'recv multi':
    'io_uring_prep_recv_multishot(s, 9, 0, 0, 0); s->flags |= IOSQE_BUFFER_SELECT; s->buf_group = 515',
  'recv multi, poll first':
    'io_uring_prep_recv_multishot(s, 9, 0, 0, 0); s->flags |= IOSQE_BUFFER_SELECT | IOSQE_FIXED_FILE; s->buf_group = 65535; s->ioprio |= IORING_RECVSEND_POLL_FIRST',
  'send memory': 'io_uring_prep_send(s, 9, MEMORY, 8192, MSG_NOSIGNAL | MSG_WAITALL)',
  'send bytes, more': 'io_uring_prep_send(s, 9, BYTES, 5, MSG_NOSIGNAL | MSG_MORE)',
  'send zc': 'io_uring_prep_send_zc(s, 9, MEMORY, 8192, MSG_NOSIGNAL | MSG_WAITALL, 0)',
  'send zc to IPv6':
    'io_uring_prep_send_zc(s, 9, BYTES, 5, MSG_NOSIGNAL | MSG_WAITALL, 1U << 3); io_uring_prep_send_set_addr(s, RECORD, 28)',
  'provide buffers': 'io_uring_prep_provide_buffers(s, MEMORY, 1024, 8, 515, 3)',
  'remove buffers': 'io_uring_prep_remove_buffers(s, 8, 515)',
  'epoll add': 'io_uring_prep_epoll_ctl(s, 11, 9, EPOLL_CTL_ADD, RECORD)',
  'epoll modify': 'io_uring_prep_epoll_ctl(s, 11, 9, EPOLL_CTL_MOD, RECORD)',
  'epoll delete': 'io_uring_prep_epoll_ctl(s, 11, 9, EPOLL_CTL_DEL, 0)',
  close: 'io_uring_prep_close(s, 9)',
  'close direct': 'io_uring_prep_close_direct(s, 9)',
  'shutdown both': 'io_uring_prep_shutdown(s, 9, SHUT_RDWR)',
  'cancel key': 'io_uring_prep_cancel64(s, KEY, 0)',
  'cancel descriptor, all': 'io_uring_prep_cancel_fd(s, 9, IORING_ASYNC_CANCEL_ALL)',
  'cancel direct descriptor': 'io_uring_prep_cancel_fd(s, 9, IORING_ASYNC_CANCEL_FD_FIXED)',
  'cancel any': 'io_uring_prep_cancel64(s, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL)',
  timeout: 'io_uring_prep_timeout(s, RECORD, 0, IORING_TIMEOUT_ETIME_SUCCESS)',
  'timeout at, or 3 completions':
    'io_uring_prep_timeout(s, RECORD, 3, IORING_TIMEOUT_ETIME_SUCCESS | IORING_TIMEOUT_ABS | IORING_TIMEOUT_REALTIME)',
  'timeout remove': 'io_uring_prep_timeout_remove(s, KEY, 0)',
  'poll add': 'io_uring_prep_poll_add(s, 9, POLLIN | POLLRDHUP)',
  'poll add multishot': 'io_uring_prep_poll_multishot(s, 9, POLLOUT); s->flags |= IOSQE_FIXED_FILE',
  'poll remove': 'io_uring_prep_poll_remove(s, KEY)',
  'read at 5000000000': 'io_uring_prep_read(s, 9, MEMORY, 8192, 5000000000ULL)',
  'read at position': 'io_uring_prep_read(s, 9, MEMORY, 8192, -1)',
  'read from group':
    'io_uring_prep_read(s, 9, 0, 0, -1); s->flags |= IOSQE_BUFFER_SELECT; s->buf_group = 515',
  'write at 0': 'io_uring_prep_write(s, 9, BYTES, 5, 0)',
};

const body = Object.entries(CASES)
  .map(([name, code]) => `  memset(s, 0, sizeof(*s)); ${code}; show("${name}", s);`)
  .join('\n');

const program = `${PRELUDE}
static void show(const char *name, struct io_uring_sqe *s) {
  static int shown;
  unsigned words[16];
  memcpy(words, s, sizeof(words));
  printf("%s  \\"%s\\": \\"", shown++ ? ",\\n" : "{\\n", name);
  for (int i = 0; i < 16; i++) printf("%s%x", i ? " " : "", words[i]);
  printf("\\"");
}
int main(void) {
  struct io_uring_sqe entry, *s = &entry;
${body}
  printf("\\n}\\n");
  return 0;
}
`;

const folder = mkdtempSync(join(tmpdir(), 'sqe-goldens-'));
try {
  const source = join(folder, 'goldens.c');
  const binary = join(folder, 'goldens');
  writeFileSync(source, program);
  execFileSync('cc', ['-Wall', '-Wno-pointer-arith', '-o', binary, source], { stdio: 'inherit' });
  const goldens = execFileSync(binary, { encoding: 'utf8' });
  writeFileSync(TARGET, goldens);
  console.log(`sqe-goldens.json: ${Object.keys(JSON.parse(goldens)).length} entries`);
} finally {
  rmSync(folder, { recursive: true });
}
