/**
 * Who may touch a thing the kernel can see.
 *
 * @packageDocumentation
 */
export * from './byte-length.js';
export * from './kernel-memory.js';
export * from './owner.js';
export * from './owner-diagram.js';
export {
  OWNER_EDGES,
  type OwnerEdge,
  type OwnerEdges,
  type OwnerTransition,
  SHARED_OWNER_EDGES,
} from './owner-edges.js';
export * from './owner-error.js';
export * from './owner-state.js';
export type { RegisteredMemory } from './registered-memory.js';
