import { OWNER_EDGES, type OwnerEdges } from './owner-edges.js';
import { OwnerState, ownerStateName } from './owner-state.js';

/**
 * A transition table as a Mermaid state diagram, states in the order of {@link OwnerState}. The README's diagrams are
 * this text; a test compares them.
 *
 * @example
 * ```ts
 * import { ownerDiagram, SHARED_OWNER_EDGES } from '@ringbearer/io-uring-owner';
 *
 * console.log(ownerDiagram(SHARED_OWNER_EDGES));
 * ```
 */
export function ownerDiagram(edges: OwnerEdges = OWNER_EDGES): string {
  const lines = ['stateDiagram-v2', '  [*] --> Created'];
  for (const state of Object.values(OwnerState)) {
    for (const [name, edge] of Object.entries(edges)) {
      if (!edge.from.includes(state)) continue;
      lines.push(`  ${ownerStateName(state)} --> ${ownerStateName(edge.to)}: ${name}`);
    }
  }
  return lines.join('\n');
}
