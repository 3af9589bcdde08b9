import { fileURLToPath } from 'node:url';
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
 * Loads the module of an app.
 *
 * @throws what it threw, with a message that names the module and says what to do
 */
export async function loadApp(url: string): Promise<AppModule> {
  try {
    return (await import(url)) as AppModule;
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    error.message = `its module ${nameOf(url)} does not load: ${error.message}${hintOn(error, url)}`;
    throw error;
  }
}

/**
 * The options a module's default export stands for.
 *
 * @throws TypeError when it is nothing that could be served
 */
export function appOf(module: AppModule, url: string): AppOptions & ServerLimits {
  const app = defaultOf(module);
  if (typeof app === 'function' && !isClass(app))
    return { fetch: app as NonNullable<AppOptions['fetch']> };
  const refuse = (why: string): never => {
    throw new TypeError(
      `Cannot serve ${nameOf(url)} as its default export must be a fetch handler, or a plain object with fetch or raw: ${why}`,
    );
  };
  const advice = adviceOn(app, module);
  if (advice !== null) refuse(advice);
  const options = app as AppOptions & ServerLimits;
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(LISTEN_TYPES, name) && name !== 'signal' && name !== 'workers') continue;
    throw new TypeError(
      `Cannot serve ${nameOf(url)} as its default export has ${name}: where all workers listen, and how they end, is for start() to say`,
    );
  }
  checkOptions(options, TYPES, `serve ${nameOf(url)}`);
  if (options.fetch === undefined && options.raw === undefined) refuse('current value has neither');
  return options;
}

/** What to do about an error of loading. */
function hintOn(error: Error, url: string): string {
  // Of a syntax error nobody but Node.js itself can tell the file and the line, and it does so only where nobody catches it.
  if (error instanceof SyntaxError && url.startsWith('file:'))
    return ` (SyntaxError: "node ${fileURLToPath(url)}" shows where)`;
  if ((error as NodeJS.ErrnoException).code === 'ERR_UNKNOWN_FILE_EXTENSION')
    return ': build it to JavaScript, or give a loader for it to the threads, thread: { execArgv: [...] }';
  return '';
}

/** What compilers to CommonJS call the default export is a member of what CommonJS exports. */
function defaultOf({ default: exported }: AppModule): unknown {
  if (typeof exported !== 'object' || exported === null) return exported;
  const inner = exported as { readonly __esModule?: unknown; readonly default?: unknown };
  return inner.__esModule === true && inner.default !== undefined ? inner.default : exported;
}

/** Why something cannot be served, and what to export instead; null when it can. */
function adviceOn(app: unknown, module: AppModule): string | null {
  if (app === undefined) {
    const given = Object.keys(module).find((name) => name === 'fetch' || name === 'raw');
    return given === undefined
      ? 'current value is undefined'
      : `current value is undefined, and there is an export ${given}: "export default { ${given} }"`;
  }
  if (typeof app === 'function') return "current value is a class: export an instance's handler";
  if (typeof app !== 'object' || app === null) return `current value is ${String(app)}`;
  if (app instanceof Promise) return 'current value is a Promise: await it, "export default await"';
  const prototype: unknown = Object.getPrototypeOf(app);
  const { fetch } = app as { readonly fetch?: unknown };
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
    // Not by its identity: a module may come from another context.
    const kind = app.constructor?.name || 'nameless class';
    return typeof fetch === 'function'
      ? `current value is a ${kind}: "export default { fetch: (request) => app.fetch(request) }"`
      : `current value is a ${kind}`;
  }
  return null;
}

const isClass = (value: object): boolean =>
  /^class\b/.test(Function.prototype.toString.call(value));

/** A module for messages: of one whose source is its URL the beginning. */
function nameOf(url: string): string {
  return url.startsWith('data:') && url.length > 60 ? `${url.slice(0, 60)}...` : url;
}
