import { ConfigError } from '../../../config/config-error.ts';
import { InvalidValue } from '../../../config/invalid-value.ts';
import { checkConfig } from '../../assembly/check-config.ts';
import { CommandError, type Invocation } from '../program/command.ts';
import { asksForJson, printValue } from '../program/output.ts';

/** `berth config check` */
export async function checkConfiguration(invocation: Invocation): Promise<void> {
  try {
    const warnings = await checkConfig(invocation.config());
    printResult(invocation, warnings);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const errors = [...error.errors, ...(await furtherErrors(error))];
    if (!asksForJson(invocation)) throw new ConfigError(errors);
    printValue(invocation, '', { valid: false, errors, warnings: [] });
    throw new CommandError('invalid configuration');
  }
}

/** Checks files and patterns although some keys are invalid. Resolves to the errors. */
async function furtherErrors({ readable }: ConfigError): Promise<readonly string[]> {
  if (!readable) return [];
  try {
    await checkConfig(readable);
    return [];
  } catch (error) {
    if (error instanceof InvalidValue) return []; // a warning could not be judged
    if (error instanceof ConfigError) return error.errors;
    throw error;
  }
}

function printResult(invocation: Invocation, warnings: readonly string[]): void {
  const text = [...warnings.map((warning) => `warning: ${warning}`), 'the configuration is valid'].join('\n');
  printValue(invocation, text, { valid: true, errors: [], warnings });
}
