// The package graph of the design, as a table. `scripts/graph.mjs` holds every source and package.json to it, and
// docs/ARCHITECTURE.md draws it.

export const SCOPE = '@ringbearer/';

/**
 * Folder -> what it is called and which of our packages it may import. `owner <- fd <- opcode <- bearer`,
 * `owner <- buffer <- bearer`, `native(ring) <- bearer`, `bearer, native(ring) <- epoll`, `bearer <- http-server/runtime/io-uring`.
 */
export const PACKAGES = Object.freeze({
  native: { mayImport: [] },
  'packages/io-uring-owner': { mayImport: [] },
  'packages/io-uring-fd': { mayImport: ['io-uring-owner'] },
  'packages/io-uring-opcode': { mayImport: ['io-uring-owner', 'io-uring-fd'] },
  'packages/io-uring-buffer': { mayImport: ['io-uring-owner'] },
  'packages/io-uring-bearer': {
    mayImport: [
      'io-uring-owner',
      'io-uring-fd',
      'io-uring-opcode',
      'io-uring-buffer',
      'native/ring',
    ],
  },
  'packages/io-uring-epoll': {
    mayImport: [
      'io-uring-fd',
      'io-uring-opcode',
      'io-uring-buffer',
      'io-uring-bearer',
      'native/ring',
    ],
  },
  'packages/http-server': {
    mayImport: ['io-uring-bearer', 'io-uring-opcode', 'io-uring-fd', 'io-uring-buffer'],
    alsoMayImport: [
      { file: /^src\/(?:.*\/)?engine-openssl\.ts$/, names: ['native/tls'] },
      { file: /^src\/(?:.*\/)?session-nghttp2\.ts$/, names: ['native/http2'] },
    ],
    onlyIn: { folder: 'src/runtime/io-uring/', names: /^io-uring-/ },
  },
});

/** Parts of http-server that perform no I/O: no node:* but assertions, no runtime. */
export const SANS_IO = /^src\/(protocol|sans-io|exchange)\//;

/**
 * Layers within http-server, by folder of its `src`: which of the others each may import. Tests import what they like. Folders that are not named here
 * stand above them.
 */
export const LAYERS = Object.freeze({
  'sans-io': [],
  exchange: ['sans-io'],
  protocol: ['exchange', 'sans-io'],
  handlers: ['exchange', 'sans-io'],
  runtime: ['sans-io'],
  listen: ['runtime', 'sans-io'],
});

/** The builtins protocol code may import. */
export const SANS_IO_BUILTINS = new Set(['node:assert', 'node:assert/strict']);

/** Packages in whose sources the word HTTP must not occur. */
export const HTTP_FREE = /^packages\/io-uring-/;

/** A drawer for things without a name. */
export const FORBIDDEN_FOLDERS = new Set(['utils', 'util', 'misc']);

export const TEST_FILE = /\.(test|bench|contract)\.ts$|(^|\/)(testing|fixtures|test)\//;
