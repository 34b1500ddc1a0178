import { printRecords, printValue, time } from '../program/output.ts';
import { adminCommand } from './admin-command.ts';
import { readExpiry } from './expiry-option.ts';
import { readAllPages } from './read-pages.ts';

/** `berth robot add` */
export const addRobot = adminCommand(async (invocation) => {
  const [name = '', ...grants] = invocation.operands;
  const { secret } = await invocation.administration.createRobot({ name, grants, expiresAt: readExpiry(invocation) });
  printValue(invocation, secret, { name, secret });
});

/** `berth robot expiry` */
export const setExpiry = adminCommand((invocation) =>
  invocation.administration.setExpiry(invocation.operands[0] ?? '', readExpiry(invocation)),
);

/** `berth robot list` */
export const listRobots = adminCommand(async (invocation) => {
  const robots = await readAllPages(
    '',
    (after, size) => invocation.metadata.accounts.list('robot', after, size),
    ({ name }) => name,
  );
  const records = robots.map(({ name, isDisabled, expiresAt }) => ({
    name,
    state: isDisabled ? 'disabled' : 'enabled',
    expiresAt: time(expiresAt),
  }));
  printRecords(invocation, { NAME: 'name', STATE: 'state', EXPIRES: 'expiresAt' }, records);
});
