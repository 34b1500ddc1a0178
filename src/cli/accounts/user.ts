import { readFileSync } from 'node:fs';
import { generatePassword } from '../../access/credentials/password.ts';
import { type AdminInvocation, adminCommand, readAllPages } from './admin-command.ts';
import { CommandError } from '../program/command.ts';
import { asksForJson, printRecords, printValue, time } from '../program/output.ts';

/** `berth user add` */
export const addUser = adminCommand(async (invocation) => {
  const { administration, operands, options } = invocation;
  const [name = ''] = operands;
  const { password, isGenerated } = await readPassword(invocation);
  const { note } = await administration.createUser({ name, password, isAdmin: options['admin'] === true });
  printPassword(invocation, name, isGenerated ? password : undefined);
  if (note !== undefined) invocation.warn(note);
});

/** `berth user password` */
export const changePassword = adminCommand(async (invocation) => {
  const [name = ''] = invocation.operands;
  const { password, isGenerated } = await readPassword(invocation);
  await invocation.administration.setPassword(name, password);
  printPassword(invocation, name, isGenerated ? password : undefined);
});

/** Reads the password from standard input (other users can read a command line), or generates one. */
async function readPassword({ options, readInput }: AdminInvocation): Promise<{ password: string; isGenerated: boolean }> {
  if (options['passwordStdin'] !== true) return { password: generatePassword(), isGenerated: true };
  return { password: (await readInput()).replace(/\r?\n$/, ''), isGenerated: false };
}

/** Prints a generated password; undefined for one that the caller knows already. */
function printPassword(invocation: AdminInvocation, name: string, password: string | undefined): void {
  if (password !== undefined) printValue(invocation, password, { name, password });
  else if (asksForJson(invocation)) printValue(invocation, '', { name });
}

/** `berth user list` */
export const listUsers = adminCommand(async (invocation) => {
  const { metadata } = invocation;
  const users = await readAllPages(
    '',
    (after, size) => metadata.accounts.list('user', after, size),
    ({ name }) => name,
  );
  const records = users.map(({ name, isAdmin, isDisabled, createdAt }) => ({
    name,
    role: isAdmin ? 'admin' : 'user',
    state: isDisabled ? 'disabled' : 'enabled',
    createdAt: time(createdAt),
  }));
  printRecords(invocation, { NAME: 'name', ROLE: 'role', STATE: 'state', CREATED: 'createdAt' }, records);
});

/** `berth user disable` */
export const disable = adminCommand(({ administration, operands: [name = ''] }) => administration.setDisabled(name, true));

/** `berth user enable` */
export const enable = adminCommand(({ administration, operands: [name = ''] }) => administration.setDisabled(name, false));

/** `berth user promote` */
export const promote = adminCommand(({ administration, operands: [name = ''] }) => administration.setAdmin(name, true));

/** `berth user demote` */
export const demote = adminCommand(({ administration, operands: [name = ''] }) => administration.setAdmin(name, false));

/** `berth user remove`, `berth robot remove` */
export const removeAccount = adminCommand(({ administration, operands: [name = ''] }) => administration.deleteAccount(name));

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
