import { checkOptions, type OptionTypes } from '../options.js';

/** What Node.js lets one say about a thread. */
export interface ThreadOptions {
  /** Environment of the workers. Default: a copy of this process's. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Options of node, such as `--enable-source-maps`. Default: those of this process. */
  readonly execArgv?: readonly string[];
  /** What follows the program in `process.argv`. Default none. */
  readonly argv?: readonly string[];
  /** Memory of the workers, see `resourceLimits` of `node:worker_threads`. Default: by the machine. */
  readonly resourceLimits?: {
    /** The heap, in MB. */
    readonly maxOldGenerationSizeMb?: number;
    /** The part of it for what was made recently, in MB. */
    readonly maxYoungGenerationSizeMb?: number;
    /** Generated code, in MB. */
    readonly codeRangeSizeMb?: number;
    /** The stack of the thread, in MB. */
    readonly stackSizeMb?: number;
  };
}

const NAMES: OptionTypes<ThreadOptions> = {
  env: 'object',
  execArgv: 'object',
  argv: 'object',
  resourceLimits: 'object',
};
const LIMIT_NAMES: OptionTypes<NonNullable<ThreadOptions['resourceLimits']>> = {
  maxOldGenerationSizeMb: 'number',
  maxYoungGenerationSizeMb: 'number',
  codeRangeSizeMb: 'number',
  stackSizeMb: 'number',
};

/** @throws TypeError for an option there is not, or of the wrong type: Node.js would ignore it */
export function checkThreadOptions(options: ThreadOptions = {}): void {
  checkOptions(options, NAMES, 'start with thread');
  checkOptions(options.resourceLimits ?? {}, LIMIT_NAMES, 'start with thread.resourceLimits');
}
