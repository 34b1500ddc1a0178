import { generatePassword } from '../../access/credentials/password.ts';
import { asksForJson, printValue } from '../program/output.ts';
import { type AdminInvocation, adminCommand } from './admin-command.ts';

/** `berth user password` */
export const changePassword = adminCommand(async (invocation) => {
  const [name = ''] = invocation.operands;
  const { password, isGenerated } = await readPassword(invocation);
  await invocation.administration.setPassword(name, password);
  printPassword(invocation, name, isGenerated ? password : undefined);
});

/** Reads the password from standard input (other users can read a command line), or generates one. */
export async function readPassword({ options, readInput }: AdminInvocation): Promise<{ password: string; isGenerated: boolean }> {
  if (options['passwordStdin'] !== true) return { password: generatePassword(), isGenerated: true };
  return { password: (await readInput()).replace(/\r?\n$/, ''), isGenerated: false };
}

/** Prints a generated password; undefined for one that the caller knows already. */
export function printPassword(invocation: AdminInvocation, name: string, password: string | undefined): void {
  if (password !== undefined) printValue(invocation, password, { name, password });
  else if (asksForJson(invocation)) printValue(invocation, '', { name });
}
