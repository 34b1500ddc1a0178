import { describeKeys } from '../../../config/describe.ts';
import type { Invocation } from '../program/command.ts';
import { asksForJson, printValue } from '../program/output.ts';

/** `berth config keys` */
export function listKeys(invocation: Invocation): Promise<void> {
  const keys = describeKeys();
  if (asksForJson(invocation)) printValue(invocation, '', keys);
  else
    for (const { key, variable, form, default: fallback, description } of keys) {
      invocation.print(`${key}   ${variable ?? '(configuration file only)'}`);
      invocation.print(`    ${description} (${form}${fallback === null ? '' : `; default ${fallback}`})`);
    }
  return Promise.resolve();
}
