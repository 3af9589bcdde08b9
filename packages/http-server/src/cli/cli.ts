import { parseArgs } from 'node:util';
import { diagnose, formatDiagnosis } from '../runtime/io-uring/index.js';

/** Where a command writes. */
export interface Output {
  out(text: string): void;
  error(text: string): void;
}

const HELP = `Usage: ringbearer COMMAND

Commands:
  doctor [--json]   tells whether io_uring can be used here, and what to do where it cannot
  help              shows this`;

/**
 * Runs one command line.
 *
 * @param args without the program's name
 * @returns the exit code: 0 done, 1 the command's answer is no, 2 the command line is wrong
 */
export async function run(args: readonly string[], output: Output): Promise<number> {
  const [command, ...rest] = args;
  switch (command) {
    case 'doctor':
      return doctor(rest, output);
    case 'help':
    case '--help':
    case '-h':
      output.out(HELP);
      return 0;
    default:
      output.error(
        command === undefined
          ? HELP
          : `Cannot run "${command}" as there is no such command\n\n${HELP}`,
      );
      return 2;
  }
}

async function doctor(args: readonly string[], output: Output): Promise<number> {
  let json: boolean;
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { json: { type: 'boolean', default: false } },
    });
    json = values.json;
  } catch (error) {
    output.error(`${(error as Error).message}\n\n${HELP}`);
    return 2;
  }
  const diagnosis = await diagnose();
  output.out(json ? JSON.stringify(diagnosis, null, 2) : formatDiagnosis(diagnosis));
  return diagnosis.usable ? 0 : 1;
}
