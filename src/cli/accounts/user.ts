import { printRecords, time } from '../program/output.ts';
import { adminCommand } from './admin-command.ts';
import { readAllPages } from './read-pages.ts';
import { printPassword, readPassword } from './user-password.ts';

/** `berth user add` */
export const addUser = adminCommand(async (invocation) => {
  const { administration, operands, options } = invocation;
  const [name = ''] = operands;
  const { password, isGenerated } = await readPassword(invocation);
  const { note } = await administration.createUser({ name, password, isAdmin: options['admin'] === true });
  printPassword(invocation, name, isGenerated ? password : undefined);
  if (note !== undefined) invocation.warn(note);
});

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
