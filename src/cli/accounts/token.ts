import { CommandError } from '../program/command.ts';
import { printRecords, printValue, time } from '../program/output.ts';
import { adminCommand } from './admin-command.ts';
import { readExpiry } from './expiry-option.ts';

/** `berth token add` */
export const addToken = adminCommand(async (invocation) => {
  const [account = '', name = '', ...operands] = invocation.operands;
  const scopes = operands.length > 0 ? operands : undefined;
  const token = await invocation.administration.createToken({ account, name, scopes, expiresAt: readExpiry(invocation) });
  printValue(invocation, token.secret, token);
});

/** `berth token list` */
export const listTokens = adminCommand(async (invocation) => {
  const { metadata, operands } = invocation;
  const [name = ''] = operands;
  const account = await metadata.accounts.findByName(name);
  if (!account) throw new CommandError(`no account is called ${name}`);
  const tokens = (await metadata.tokens.list(account.id)).map((token) => ({
    id: token.id,
    kind: token.kind,
    name: token.name,
    expiresAt: time(token.expiresAt),
    lastUsedAt: time(token.lastUsedAt),
  }));
  const columns = { ID: 'id', KIND: 'kind', NAME: 'name', EXPIRES: 'expiresAt', 'LAST USED': 'lastUsedAt' } as const;
  printRecords(invocation, columns, tokens);
});

/** `berth token revoke` */
export const revokeToken = adminCommand(({ administration, operands: [account = '', id = ''] }) =>
  administration.revokeToken(account, id),
);
