import type { ServerLimits } from '../options.js';
import { APP_TYPES, type AppOptions, checkOptions, LIMIT_TYPES, LISTEN_TYPES } from '../options.js';

/**
 * What the default export of an app's module may be: a fetch handler, as `serve` takes it, or an object with `fetch` or `raw`, to
 * which options that do not say where to listen may be added.
 */
export type AppExport = AppOptions['fetch'] | (AppOptions & ServerLimits);

/** What a module's namespace is to us. */
export interface AppModule {
  readonly default?: unknown;
  /** Called when the last connection of the worker is gone, for what the app itself has open. */
  readonly close?: unknown;
}

const TYPES = { ...APP_TYPES, ...LIMIT_TYPES };

/**
 * The options a module's default export stands for.
 *
 * @throws TypeError when it is nothing that could be served
 */
export function appOf(module: AppModule, url: string): AppOptions & ServerLimits {
  const app = module.default;
  if (typeof app === 'function') return { fetch: app as NonNullable<AppOptions['fetch']> };
  if (typeof app !== 'object' || app === null) {
    throw new TypeError(
      `Cannot serve ${url} as its default export must be a fetch handler, or an object with fetch or raw: current value is ${String(app)}`,
    );
  }
  for (const name of Object.keys(app)) {
    if (!Object.hasOwn(LISTEN_TYPES, name) && name !== 'signal' && name !== 'workers') continue;
    throw new TypeError(
      `Cannot serve ${url} as its default export has ${name}: where all workers listen, and how they end, is for start() to say`,
    );
  }
  checkOptions(app, TYPES);
  return app;
}
