// Writes packages/io-uring-opcode/src/opcodes/sqe-goldens.json: the submission entries that the system's liburing
// prepares, as 16 words in hexadecimal each, in one group for each test that compares them. The tests of the opcodes compare theirs with these. Needs cc and liburing-dev.
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
#include <fcntl.h>
#include <linux/falloc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/xattr.h>

#define RECORD ((void *)0x100001000ULL)
#define RECORD_128 ((void *)0x100001080ULL)
#define BYTES ((void *)0x200002000ULL)
#define MEMORY ((void *)0x3fffff000ULL)
#define KEY 0x0000000700000005ULL
`;

// Each statement prepares one zeroed entry s.
const CASES = {
  first: {
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
    'recv part, all, peek':
      'io_uring_prep_recv(s, 9, MEMORY + 0x1000, 100, MSG_WAITALL | MSG_PEEK)',
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
    'poll add multishot':
      'io_uring_prep_poll_multishot(s, 9, POLLOUT); s->flags |= IOSQE_FIXED_FILE',
    'poll remove': 'io_uring_prep_poll_remove(s, KEY)',
    'read at 5000000000': 'io_uring_prep_read(s, 9, MEMORY, 8192, 5000000000ULL)',
    'read at position': 'io_uring_prep_read(s, 9, MEMORY, 8192, -1)',
    'read from group':
      'io_uring_prep_read(s, 9, 0, 0, -1); s->flags |= IOSQE_BUFFER_SELECT; s->buf_group = 515',
    'write at 0': 'io_uring_prep_write(s, 9, BYTES, 5, 0)',
  },
  file: {
    openat: 'io_uring_prep_openat(s, AT_FDCWD, RECORD, O_RDONLY | O_CLOEXEC, 0666)',
    'openat, directory, create, into slot 4':
      'io_uring_prep_openat_direct(s, 7, RECORD, O_RDWR | O_CREAT | O_EXCL, 0600, 4)',
    'openat into any slot, path outside':
      'io_uring_prep_openat_direct(s, AT_FDCWD, BYTES, O_RDONLY, 0666, IORING_FILE_INDEX_ALLOC - 1)',
    openat2: 'io_uring_prep_openat2(s, 7, RECORD + 24, RECORD)',
    'openat2 into any slot':
      'io_uring_prep_openat2_direct(s, AT_FDCWD, RECORD + 24, RECORD, IORING_FILE_INDEX_ALLOC - 1)',
    statx: 'io_uring_prep_statx(s, AT_FDCWD, RECORD, 0, 0xfff, RECORD)',
    'statx of a descriptor, no follow':
      'io_uring_prep_statx(s, 7, RECORD, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, 0x200, RECORD)',
    unlinkat: 'io_uring_prep_unlinkat(s, AT_FDCWD, RECORD, 0)',
    'unlinkat, directory': 'io_uring_prep_unlinkat(s, 7, RECORD, AT_REMOVEDIR)',
    mkdirat: 'io_uring_prep_mkdirat(s, 7, RECORD, 0700)',
    renameat: 'io_uring_prep_renameat(s, AT_FDCWD, RECORD, 7, RECORD + 4, 1)',
    symlinkat: 'io_uring_prep_symlinkat(s, RECORD, 7, RECORD + 4)',
    linkat: 'io_uring_prep_linkat(s, 7, RECORD, AT_FDCWD, RECORD + 4, AT_SYMLINK_FOLLOW)',
    readv: 'io_uring_prep_readv(s, 9, RECORD, 2, -1)',
    'readv at 5000000000, array outside': 'io_uring_prep_readv(s, 9, BYTES, 17, 5000000000ULL)',
    writev: 'io_uring_prep_writev(s, 9, RECORD, 2, 0); s->flags |= IOSQE_FIXED_FILE',
    'read fixed': 'io_uring_prep_read_fixed(s, 9, MEMORY, 8192, 4096, 3)',
    'write fixed': 'io_uring_prep_write_fixed(s, 9, MEMORY + 0x1000, 100, -1, 65535)',
    fsync: 'io_uring_prep_fsync(s, 9, 0)',
    'fsync, data only': 'io_uring_prep_fsync(s, 9, IORING_FSYNC_DATASYNC)',
    'sync file range': 'io_uring_prep_sync_file_range(s, 9, 4096, 8192, SYNC_FILE_RANGE_WRITE)',
    fallocate:
      'io_uring_prep_fallocate(s, 9, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 5000000000ULL, 6000000000ULL)',
    fadvise: 'io_uring_prep_fadvise(s, 9, 4096, 8192, POSIX_FADV_DONTNEED)',
    madvise: 'io_uring_prep_madvise(s, MEMORY, 8192, MADV_DONTNEED)',
    splice: 'io_uring_prep_splice(s, 8, 5000000000LL, 9, -1, 100, SPLICE_F_MOVE)',
    'splice, both direct':
      'io_uring_prep_splice(s, 8, -1, 9, 4096, 100, SPLICE_F_MOVE | SPLICE_F_MORE | SPLICE_F_FD_IN_FIXED); s->flags |= IOSQE_FIXED_FILE',
    tee: 'io_uring_prep_tee(s, 8, 9, 100, 0)',
    getxattr: 'io_uring_prep_getxattr(s, RECORD, (void *)RECORD, RECORD + 7, 256)',
    fgetxattr: 'io_uring_prep_fgetxattr(s, 9, RECORD, MEMORY, 8192)',
    setxattr: 'io_uring_prep_setxattr(s, RECORD, BYTES, RECORD + 7, XATTR_CREATE, 5)',
    fsetxattr: 'io_uring_prep_fsetxattr(s, 9, RECORD, MEMORY, XATTR_REPLACE, 8192)',
  },
  message: {
    sendmsg: 'io_uring_prep_sendmsg(s, 9, RECORD, MSG_NOSIGNAL | MSG_WAITALL)',
    'sendmsg, poll first':
      'io_uring_prep_sendmsg(s, 9, RECORD, MSG_NOSIGNAL | MSG_MORE); s->flags |= IOSQE_FIXED_FILE; s->ioprio = IORING_RECVSEND_POLL_FIRST',
    'sendmsg zc':
      'io_uring_prep_sendmsg_zc(s, 9, RECORD, MSG_NOSIGNAL | MSG_WAITALL); s->ioprio = 8',
    recvmsg: 'io_uring_prep_recvmsg(s, 9, RECORD, MSG_CMSG_CLOEXEC)',
    'recvmsg from group':
      'io_uring_prep_recvmsg(s, 9, RECORD, MSG_CMSG_CLOEXEC | MSG_PEEK); s->flags |= IOSQE_BUFFER_SELECT; s->buf_group = 515',
    'recvmsg multi':
      'io_uring_prep_recvmsg_multishot(s, 9, RECORD, MSG_CMSG_CLOEXEC); s->flags |= IOSQE_BUFFER_SELECT; s->buf_group = 515',
    'send zc fixed':
      'io_uring_prep_send_zc_fixed(s, 9, MEMORY, 8192, MSG_NOSIGNAL | MSG_WAITALL, 8, 3)',
  },
  control: {
    'link timeout': 'io_uring_prep_link_timeout(s, RECORD, 0)',
    'link timeout, absolute':
      'io_uring_prep_link_timeout(s, RECORD, IORING_TIMEOUT_ABS | IORING_TIMEOUT_BOOTTIME)',
    'timeout update': 'io_uring_prep_timeout_update(s, RECORD, KEY, 0)',
    'link timeout update, absolute':
      'io_uring_prep_timeout_update(s, RECORD, KEY, IORING_TIMEOUT_ABS | IORING_LINK_TIMEOUT_UPDATE)',
    'poll update':
      'io_uring_prep_poll_update(s, KEY, 0, POLLIN | POLLRDHUP, IORING_POLL_UPDATE_EVENTS)',
    'poll update, multishot':
      'io_uring_prep_poll_update(s, KEY, 0, POLLOUT, IORING_POLL_UPDATE_EVENTS | IORING_POLL_ADD_MULTI)',
    'files update': 'io_uring_prep_files_update(s, (int *)RECORD, 3, 5)',
    'files install': 'io_uring_prep_files_update(s, (int *)RECORD, 2, IORING_FILE_INDEX_ALLOC)',
    'msg ring':
      'io_uring_prep_msg_ring(s, 9, 77, KEY, 0); s->file_index = IORING_CQE_F_MORE | 1 << 14; s->msg_ring_flags = 2',
  },
};

const body = Object.entries(CASES)
  .flatMap(([group, cases]) =>
    Object.entries(cases).map(
      ([name, code]) => `  memset(s, 0, sizeof(*s)); ${code}; show("${group}", "${name}", s);`,
    ),
  )
  .join('\n');

const program = `${PRELUDE}
static void show(const char *group, const char *name, struct io_uring_sqe *s) {
  static const char *last = "";
  unsigned words[16];
  memcpy(words, s, sizeof(words));
  if (strcmp(group, last)) printf("%s  \\"%s\\": {\\n", *last ? "\\n  },\\n" : "{\\n", group);
  else printf(",\\n");
  last = group;
  printf("    \\"%s\\": \\"", name);
  for (int i = 0; i < 16; i++) printf("%s%x", i ? " " : "", words[i]);
  printf("\\"");
}
int main(void) {
  struct io_uring_sqe entry, *s = &entry;
${body}
  printf("\\n  }\\n}\\n");
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
  console.log(
    `sqe-goldens.json: ${Object.values(JSON.parse(goldens)).flatMap(Object.keys).length} entries`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
