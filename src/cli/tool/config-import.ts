import { readFile } from 'node:fs/promises';
import { importDistributionConfig } from '../../../config/distribution/import.ts';
import { CommandError, type Invocation } from '../program/command.ts';
import { printValue } from '../program/output.ts';

/** `berth config import`: translates the configuration of registry:2. Reads standard input for `-`. */
export async function importConfiguration(invocation: Invocation): Promise<void> {
  const [file = ''] = invocation.operands;
  const text = file === '-' ? await invocation.readInput() : await readFile(file, 'utf8').catch(rethrow);
  try {
    const { yaml, keys } = importDistributionConfig(text, invocation.environment);
    printValue(invocation, yaml.trimEnd(), { yaml, keys });
    const named = keys.filter(({ to }) => to === undefined).length;
    invocation.warn(`${keys.length} keys: ${keys.length - named} translated, ${named} without a counterpart (see the comments)`);
  } catch (error) {
    throw new CommandError(`${file} ${(error as Error).message}`);
  }
}

function rethrow(error: unknown): never {
  throw new CommandError((error as Error).message);
}
