import { describe, expect, test } from 'vitest';
import { checkPackage, findCycles } from './check.mjs';

const fixture = (folder, files, dependencies = []) => ({
  folder,
  manifest: {
    name: `@ringbearer/${folder.replace('packages/', '')}`,
    dependencies: Object.fromEntries(dependencies.map((name) => [name, '0.1.0'])),
  },
  files: new Map(Object.entries(files)),
});

const found = (...args) =>
  checkPackage(fixture(...args)).map(({ where, detail }) => `${where} ${detail}`);

describe('checkPackage()', () => {
  test('accepts the directions of the design', () => {
    const file = `import { Owner } from '@ringbearer/io-uring-owner';\nimport type { Fd } from '@ringbearer/io-uring-fd';`;
    const dependencies = ['@ringbearer/io-uring-owner', '@ringbearer/io-uring-fd'];
    expect(found('packages/io-uring-opcode', { 'src/index.ts': file }, dependencies)).toEqual([]);
  });

  test('reports an import against the arrow with file, line and rule', () => {
    const files = {
      'src/fd.ts': `// first line\nimport { OpCode } from '@ringbearer/io-uring-opcode';`,
    };
    const [violation, ...rest] = checkPackage(fixture('packages/io-uring-fd', files));
    expect(rest).toEqual([]);
    expect(violation).toEqual({
      where: 'packages/io-uring-fd/src/fd.ts:2',
      rule: 'packages/io-uring-fd/src/fd.ts may import only io-uring-owner',
      detail: '@ringbearer/io-uring-opcode',
    });
  });

  test('reports type-only, dynamic and re-exported imports too', () => {
    const files = {
      'src/a.ts': `import type { X } from '@ringbearer/io-uring-bearer';`,
      'src/b.ts': `const x = await import('@ringbearer/io-uring-bearer');`,
      'src/c.ts': `export * from '@ringbearer/io-uring-bearer';`,
    };
    expect(found('packages/io-uring-buffer', files)).toHaveLength(3);
  });

  test('reports a dependency of package.json against the arrow', () => {
    const violations = found('packages/io-uring-owner', {}, ['@ringbearer/io-uring-fd']);
    expect(violations).toEqual(['packages/io-uring-owner/package.json @ringbearer/io-uring-fd']);
  });

  test('reports an import that package.json does not declare', () => {
    const files = { 'src/a.ts': `import x from 'left-pad';\nimport '@ringbearer/io-uring-owner';` };
    expect(found('packages/io-uring-fd', files)).toEqual([
      'packages/io-uring-fd/src/a.ts:1 left-pad',
      'packages/io-uring-fd/src/a.ts:2 @ringbearer/io-uring-owner',
    ]);
  });

  test('lets the bearer have native/ring, but no other part of native', () => {
    const files = {
      'src/a.ts': `import { Ring } from '@ringbearer/native/ring';`,
      'src/b.ts': `import { Engine } from '@ringbearer/native/tls';`,
    };
    expect(found('packages/io-uring-bearer', files, ['@ringbearer/native'])).toEqual([
      'packages/io-uring-bearer/src/b.ts:1 @ringbearer/native/tls',
    ]);
  });

  test('keeps io-uring-* inside the io-uring runtime of http-server', () => {
    const line = `import { UringBearer } from '@ringbearer/io-uring-bearer';`;
    const files = {
      'src/runtime/io-uring/ring.ts': line,
      'src/runtime/io-uring/ring.test.ts': line,
      'src/server.ts': line,
    };
    expect(found('packages/http-server', files, ['@ringbearer/io-uring-bearer'])).toEqual([
      'packages/http-server/src/server.ts:1 @ringbearer/io-uring-bearer',
    ]);
  });

  test('lets only the adapter files have the TLS and HTTP/2 engines', () => {
    const line = `import { Engine } from '@ringbearer/native/tls';`;
    const files = { 'src/protocol/tls/engine-openssl.ts': line, 'src/server.ts': line };
    expect(found('packages/http-server', files, ['@ringbearer/native'])).toEqual([
      'packages/http-server/src/server.ts:1 @ringbearer/native/tls',
    ]);
  });

  test('keeps builtins and runtimes out of protocol code, but not out of its tests', () => {
    const files = {
      'src/protocol/http1/reader.ts': `import assert from 'node:assert/strict';\nimport fs from 'node:fs';\nimport { createRuntime } from '../../runtime/node/runtime.js';`,
      'src/protocol/http1/reader.test.ts': `import fs from 'node:fs';`,
      'src/exchange/reply.ts': `import { Buffer } from 'buffer';`,
      'src/static/file.ts': `import fs from 'node:fs';`,
    };
    expect(found('packages/http-server', files)).toEqual([
      'packages/http-server/src/protocol/http1/reader.ts:2 node:fs',
      'packages/http-server/src/protocol/http1/reader.ts:3 ../../runtime/node/runtime.js',
      'packages/http-server/src/exchange/reply.ts:1 buffer',
    ]);
  });

  test('holds the layers of http-server', () => {
    const files = {
      'src/sans-io/left.ts': `import { Reply } from '../exchange/reply.js';`,
      'src/exchange/reply.ts': `import type { Left } from '../sans-io/left.js';`,
      'src/runtime/node/connection.ts': `import { Left } from '../../sans-io/left.js';\nimport type { Reply } from '../../exchange/reply.js';\nimport { Carry } from '../carry.js';`,
      'src/runtime/left.contract.ts': `import { Reply } from '../exchange/reply.js';`,
      'src/server.ts': `import { Reply } from './exchange/reply.js';`,
    };
    expect(found('packages/http-server', files)).toEqual([
      'packages/http-server/src/sans-io/left.ts:1 ../exchange/reply.js',
      'packages/http-server/src/runtime/node/connection.ts:2 ../../exchange/reply.js',
    ]);
  });

  test('reports HTTP in io-uring sources, but not in URLs or tests', () => {
    const files = {
      'src/a.ts': `// https://example.org/http.html\nconst url = 'https://example.org';\nconst httpPort = 80;`,
      'src/b.ts': `/** For an HTTP server. */\nexport const x = 1;`,
      'src/a.test.ts': `import http from 'node:http';`,
    };
    expect(found('packages/io-uring-fd', files)).toEqual([
      'packages/io-uring-fd/src/a.ts:3 httpPort',
      'packages/io-uring-fd/src/b.ts:1 HTTP',
    ]);
  });

  test('reports a drawer', () => {
    expect(found('packages/http-server', { 'src/utils/text.ts': '' })).toEqual([
      'packages/http-server/src/utils/text.ts:1 utils',
    ]);
  });

  test('reports a path into another package', () => {
    const files = { 'src/a.ts': `import { Owner } from '../../io-uring-owner/src/owner.js';` };
    expect(found('packages/io-uring-fd', files)).toEqual([
      'packages/io-uring-fd/src/a.ts:1 ../../io-uring-owner/src/owner.js',
    ]);
  });

  test('reports a circle, but not one made of types only', () => {
    const circle = {
      'src/a.ts': `import { b } from './b.js';`,
      'src/b.ts': `import { a } from './a.js';`,
    };
    expect(found('packages/io-uring-owner', circle)).toEqual([
      'packages/io-uring-owner/src/a.ts:1 src/a.ts -> src/b.ts -> src/a.ts',
    ]);
    const types = {
      'src/a.ts': `import { b } from './b.js';`,
      'src/b.ts': `import type { A } from './a.js';`,
    };
    expect(found('packages/io-uring-owner', types)).toEqual([]);
  });

  test('asks for the rules of a package it does not know', () => {
    expect(found('packages/new', {})).toEqual(['packages/new/package.json packages/new']);
  });
});

describe('findCycles()', () => {
  test('finds each circle once, whatever leads into it', () => {
    const edges = new Map([
      ['a', ['b']],
      ['b', ['c', 'd']],
      ['c', ['b']],
      ['d', ['d']],
    ]);
    expect(findCycles(edges)).toEqual([
      ['b', 'c', 'b'],
      ['d', 'd'],
    ]);
  });
});
