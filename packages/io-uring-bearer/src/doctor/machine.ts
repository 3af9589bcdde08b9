import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { UringBearer } from '../bearer.js';
import type { DriverKind } from '../ring/setup.js';

/** What one attempt to set a ring up gave. */
export type SetupAttempt =
  | {
      /** Driver that was tried. */
      readonly driver: DriverKind;
      /** Setup flags the kernel granted. */
      readonly granted: readonly string[];
      /** Opcodes that are supported. */
      readonly opcodes: readonly string[];
    }
  | {
      /** Driver that was tried. */
      readonly driver: DriverKind;
      /** Name of the error: `EPERM`. */
      readonly code: string;
      /** What it says. */
      readonly message: string;
    };

/** What the doctor looks at. Tests give it another one. */
export interface Machine {
  /** As `process.platform`. */
  readonly platform: string;
  /** As `process.arch`. */
  readonly arch: string;
  /** As `process.version`. */
  readonly nodeVersion: string;
  /** Release of the running kernel. */
  readonly kernel: string;
  /** The text of a file, or null where it cannot be read. */
  read(path: string): string | null;
  /** Sets a small ring up and lets it go again. */
  setUp(driver: DriverKind): Promise<SetupAttempt>;
}

/** The machine this process runs on. */
export function thisMachine(): Machine {
  return {
    platform: process.platform,
    arch: process.arch,
    nodeVersion: process.versions.node,
    kernel: release(),
    read(path) {
      try {
        return readFileSync(path, 'utf8');
      } catch {
        return null;
      }
    },
    async setUp(driver) {
      try {
        const bearer = UringBearer.withCapacity({ CoreQueue: 8 }, { driver });
        const granted = bearer.capabilities().setupFlags;
        const { opcodes } = bearer.probe();
        await bearer.close();
        return { driver, granted, opcodes };
      } catch (error) {
        const { code = 'UNKNOWN', message, cause } = error as NodeJS.ErrnoException;
        const system = (cause as NodeJS.ErrnoException | undefined)?.code;
        return { driver, code: system ?? code, message };
      }
    },
  };
}
