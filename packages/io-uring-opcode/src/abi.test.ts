import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as abi from './abi.generated.js';

const { Errno, ERRNO_MESSAGES, OpNumber, OPCODES, SETUP_FLAG_SINCE, SetupFlag } = abi;

const { asserts } = JSON.parse(
  readFileSync(new URL('../../../native/abi.json', import.meta.url), 'utf8'),
) as { asserts: Record<string, number> };

test('abi.generated.ts is what generate-abi.mjs makes of abi.json', () => {
  const script = new URL('../../../scripts/generate-abi.mjs', import.meta.url).pathname;
  const out = execFileSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  expect(out).toContain('up to date');
});

test('every constant of abi.json is in exactly one table', () => {
  const tables = Object.values(abi).filter(
    (table) =>
      table !== ERRNO_MESSAGES &&
      table !== SETUP_FLAG_SINCE &&
      table !== abi.FEATURE_SINCE &&
      table !== abi.REGISTER_OP_SINCE,
  );
  const members = tables.flatMap((table) => (Array.isArray(table) ? [] : Object.values(table)));
  expect(members.length).toBe(Object.keys(asserts).length);
});

test('OPCODES lists 0 to 62 without a gap', () => {
  expect(OPCODES.map(({ code }) => code)).toEqual(Array.from({ length: 63 }, (_, i) => i));
  expect(OPCODES.map(({ name }) => name)).toEqual(Object.keys(OpNumber));
  for (const { since } of OPCODES) expect(since).toMatch(/^[56]\.\d+$/);
});

test('every setup flag and every registration says since when', () => {
  expect(Object.keys(SETUP_FLAG_SINCE)).toEqual(Object.keys(SetupFlag));
  expect(Object.keys(abi.REGISTER_OP_SINCE).sort()).toEqual(Object.keys(abi.RegisterOp).sort());
});

test('Errno agrees with node:os', () => {
  for (const [name, number] of Object.entries(constants.errno)) {
    const ours = name === 'EWOULDBLOCK' ? 'EAGAIN' : name === 'ENOTSUP' ? 'EOPNOTSUPP' : name;
    expect([name, Errno[ours as keyof typeof Errno]]).toEqual([name, number]);
  }
});

test('the system headers agree, for every name they know', (context) => {
  const header = '/usr/include/liburing/io_uring.h';
  if (!existsSync(header)) context.skip('needs liburing-dev');
  if (spawnSync('cc', ['--version']).error) context.skip('needs a C compiler');
  const includes = [
    'sys/socket.h',
    'sys/un.h',
    'netinet/in.h',
    'sys/epoll.h',
    'linux/futex.h',
    'fcntl.h',
    'errno.h',
  ];
  const folder = mkdtempSync(join(tmpdir(), 'abi-'));
  try {
    const source = join(folder, 'abi.c');
    const text = readFileSync(header, 'utf8');
    // Macros are found by the preprocessor; members of enums only in the header's text.
    const known = (name: string) => new RegExp(`^\\s*${name}\\b`, 'm').test(text);
    const lines = Object.entries(asserts).map(([name, value]) => {
      const line = `printf("${name} %lld\\n", (long long)(unsigned)(${name}) == (long long)(unsigned)${value}LL);`;
      return known(name) ? line : `#ifdef ${name}\n${line}\n#endif`;
    });
    writeFileSync(
      source,
      `#define _GNU_SOURCE\n#include <stdio.h>\n#include <liburing.h>\n${includes.map((i) => `#include <${i}>`).join('\n')}\nint main(void) {\n${lines.join('\n')}\nreturn 0; }\n`,
    );
    execFileSync('cc', ['-w', '-o', join(folder, 'abi'), source]);
    const out = execFileSync(join(folder, 'abi'), { encoding: 'utf8' }).trim().split('\n');
    expect(out.filter((line) => !line.endsWith(' 1'))).toEqual([]);
    // Debian 12 has liburing 2.3: 49 opcodes and their flags, and all of socket, epoll and errno.
    expect(out.length).toBeGreaterThan(300);
    for (const name of [
      'IORING_OP_SENDMSG_ZC',
      'IORING_REGISTER_FILE_ALLOC_RANGE',
      'EPOLLET',
      'MSG_NOSIGNAL',
    ]) {
      expect(out).toContain(`${name} 1`);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
