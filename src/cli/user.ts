import { readFileSync } from 'node:fs';
import type { AccountRecord } from '../../storage/metadata/queries/reads.ts';
import { generatePassword } from '../access/credentials/password.ts';
import { type Administrating, administrating, everything, pageSize, printTable, time } from './admin-command.ts';
import { type Command, UsageError } from './command.ts';

const passwordOption = { 'password-stdin': { type: 'boolean' } } as const;

/** `berth user …`: people. */
export const userCommands: readonly Command[] = [
  administrating('user add', 'NAME', 'create a user; without --password-stdin a password is generated', add, {
    ...passwordOption,
    admin: { type: 'boolean' },
  }),
  administrating('user list', '', 'list users', list),
  administrating('user password', 'NAME', 'change a password, and end what the old one has opened', password, passwordOption),
  administrating('user disable', 'NAME', 'keep a user or robot out', ({ administration, operands: [name = ''] }) =>
    administration.setDisabled(name, true),
  ),
  administrating('user enable', 'NAME', 'let a user or robot in again', ({ administration, operands: [name = ''] }) =>
    administration.setDisabled(name, false),
  ),
  administrating('user promote', 'NAME', 'make a user an admin', ({ administration, operands: [name = ''] }) =>
    administration.setAdmin(name, true),
  ),
  administrating('user demote', 'NAME', 'make an admin a user', ({ administration, operands: [name = ''] }) =>
    administration.setAdmin(name, false),
  ),
  administrating('user remove', 'NAME', 'delete a user with its tokens and grants', ({ administration, operands: [name = ''] }) =>
    administration.deleteAccount(name),
  ),
  administrating('user import', 'FILE', 'take over the users of an htpasswd file (bcrypt)', importFile),
];

async function add(work: Administrating): Promise<void> {
  const [name = ''] = work.operands;
  const given = await givenPassword(work);
  const chosen = given ?? generatePassword();
  const { note } = await work.administration.createUser({ name, password: chosen, isAdmin: work.options['admin'] === true });
  if (given === undefined) work.print(chosen);
  if (note !== undefined) work.warn(note);
}

async function password(work: Administrating): Promise<void> {
  const [name = ''] = work.operands;
  const given = await givenPassword(work);
  const chosen = given ?? generatePassword();
  await work.administration.setPassword(name, chosen);
  if (given === undefined) work.print(chosen);
}

/** From standard input: what stands on the command line can be read by everybody on the machine. */
async function givenPassword({ options, readInput }: Administrating): Promise<string | undefined> {
  return options['password-stdin'] === true ? (await readInput()).replace(/\r?\n$/, '') : undefined;
}

async function list(work: Administrating): Promise<void> {
  const users = await everything(
    '',
    (after) => work.metadata.listAccounts('user', after, pageSize),
    ({ name }) => name,
  );
  printTable(work, [['NAME', 'ROLE', 'STATE', 'CREATED'], ...users.map(row)]);
}

function row({ name, isAdmin, isDisabled, createdAt }: AccountRecord): readonly string[] {
  return [name, isAdmin ? 'admin' : 'user', isDisabled ? 'disabled' : 'enabled', time(createdAt)];
}

async function importFile({ administration, operands: [file = ''], print, warn }: Administrating): Promise<void> {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { created, notes } = await administration.importHtpasswd(text);
  print(`${created.length} users created${created.length > 0 ? `: ${created.join(', ')}` : ''}`);
  for (const note of notes) warn(note);
}
