import { ConfigError } from '../../config/load.ts';
import { checkConfig } from '../assembly/check-config.ts';
import { CommandError, type Invocation } from './command.ts';
import { asksForJson, printValue } from './output.ts';

/** `berth config check` */
export async function checkConfiguration(invocation: Invocation): Promise<void> {
  try {
    const warnings = await checkConfig(invocation.config());
    printResult(invocation, warnings);
  } catch (error) {
    if (!(error instanceof ConfigError) || !asksForJson(invocation)) throw error;
    printValue(invocation, '', { valid: false, errors: error.errors, warnings: [] });
    throw new CommandError('invalid configuration');
  }
}

function printResult(invocation: Invocation, warnings: readonly string[]): void {
  const text = [...warnings.map((warning) => `warning: ${warning}`), 'the configuration is valid'].join('\n');
  printValue(invocation, text, { valid: true, errors: [], warnings });
}
