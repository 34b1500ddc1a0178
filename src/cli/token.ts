import { type Administrating, administrating, expiry, printTable, time } from './admin-command.ts';
import { type Command, UsageError } from './command.ts';

/** `berth token …`: secrets that stand for an account. */
export const tokenCommands: readonly Command[] = [
  administrating(
    'token add',
    'ACCOUNT NAME [SCOPE...]',
    "create an access token, confined to the scopes if there are any ('team-a/*:pull'); prints it",
    add,
    { expires: { type: 'string' } },
  ),
  administrating('token list', 'ACCOUNT', "list an account's tokens", list),
  administrating('token revoke', 'ACCOUNT ID', 'end a token and what it has opened', ({ administration, operands }) =>
    administration.revokeToken(operands[0] ?? '', operands[1] ?? ''),
  ),
];

async function add(work: Administrating): Promise<void> {
  const [account = '', name = '', ...scopes] = work.operands;
  const confined = scopes.length > 0 ? scopes : undefined;
  const { secret } = await work.administration.createToken({ account, name, scopes: confined, expiresAt: expiry(work) });
  work.print(secret);
}

async function list(work: Administrating): Promise<void> {
  const [name = ''] = work.operands;
  const account = await work.metadata.findAccountByName(name);
  if (!account) throw new UsageError(`no account is called ${name}`);
  const rows = (await work.metadata.listAccessTokens(account.id)).map((token) => [
    token.id,
    token.kind,
    token.name,
    time(token.expiresAt),
    time(token.lastUsedAt),
  ]);
  printTable(work, [['ID', 'KIND', 'NAME', 'EXPIRES', 'LAST USED'], ...rows]);
}
