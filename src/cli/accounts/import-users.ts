import { readFileSync } from 'node:fs';
import { CommandError } from '../program/command.ts';
import { printValue } from '../program/output.ts';
import { adminCommand } from './admin-command.ts';

/** `berth user import` */
export const importUsers = adminCommand(async (invocation) => {
  const { created, notes } = await invocation.administration.importHtpasswd(readText(invocation.operands[0] ?? ''));
  const names = created.length > 0 ? `: ${created.join(', ')}` : '';
  printValue(invocation, `${created.length} users created${names}`, { created });
  for (const note of notes) invocation.warn(note);
});

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(`cannot read ${file}: ${(error as Error).message}`);
  }
}
