/**
 * Descriptors for io_uring: the process's own, direct ones, and the books of the fixed-file table.
 *
 * @packageDocumentation
 */
export * from './descriptor.js';
export * from './fd-error.js';
export * from './fd-kind.js';
export * from './file-books.js';
export * from './file-registrar.js';
export * from './fixed-file-table.js';
export * from './registered-fd.js';
export * from './target-fd.js';
