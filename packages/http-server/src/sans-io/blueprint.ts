import type { Left } from './left.js';
import type { Orbit } from './orbit.js';

/**
 * Immutable configuration that builds one orbit per connection. A pipeline is a list of blueprints, outermost layer first,
 * terminal orbit (the app) last.
 */
export interface Blueprint<O extends Orbit = Orbit> {
  /** For logs: `'http/1.1'`, `'tls'`. */
  readonly name: string;
  /** Builds the orbit on the right of `left`. */
  instantiate(left: Left): O;
}

/**
 * A machine with both sides: an {@link Orbit} to its left neighbour and the {@link Left} of its right neighbour (TLS, PROXY
 * protocol, record and replay).
 */
export interface Layer extends Orbit, Left {
  /** Connects the right neighbour. Called once, before any other method. */
  attach(right: Orbit): void;
}

/** A blueprint of a layer. */
export interface LayerBlueprint extends Blueprint<Layer> {}

/**
 * Builds the orbits of one connection: every layer, then the app, wired left to right.
 *
 * @returns the leftmost orbit, the one the runtime talks to
 */
export function instantiate(left: Left, layers: readonly LayerBlueprint[], app: Blueprint): Orbit {
  let outermost: Orbit | null = null;
  let neighbour: Layer | null = null;
  let current = left;
  for (const blueprint of layers) {
    const layer = blueprint.instantiate(current);
    if (neighbour === null) outermost = layer;
    else neighbour.attach(layer);
    neighbour = layer;
    current = layer;
  }
  const terminal = app.instantiate(current);
  neighbour?.attach(terminal);
  return outermost ?? terminal;
}
