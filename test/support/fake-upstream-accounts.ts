import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

interface Login {
  readonly username: string;
  readonly password: string;
}

export interface FakeAccountsOptions {
  /** How clients log in; anonymous ones get tokens too, unless `login` is set. */
  readonly auth?: 'none' | 'bearer' | 'basic';
  readonly login?: Login;
  /** Accounts that may read hidden repositories; with `auth` only. */
  readonly users?: readonly Login[];
  readonly tokenSeconds?: number;
}

/** Logins, tokens and hidden repositories of a fake upstream. */
export interface FakeAccounts {
  /** Answers a request to the token server. */
  giveToken(request: IncomingMessage, response: ServerResponse): void;
  /** The status that a repository is refused with; undefined where it is not. */
  refusal(repository: string, request: IncomingMessage): number | undefined;
  /** False if the request needs a token or a login that it does not have. */
  mayEnter(request: IncomingMessage): boolean;
  /** Shows the repository to these users only, and answers this status to others. */
  hide(repository: string, usernames: readonly string[], status?: 401 | 403 | 404): void;
  /** Shows it to everybody. */
  show(repository: string): void;
  /** Tokens given until now are worth nothing any more. */
  expireTokens(): void;
}

export function createFakeAccounts(options: FakeAccountsOptions): FakeAccounts {
  const { auth = 'none', login, users = [], tokenSeconds = 300 } = options;
  /** The account of each; '' for anonymous ones. */
  const tokens = new Map<string, string>();
  const hidden = new Map<string, { readonly usernames: readonly string[]; readonly status: 401 | 403 | 404 }>();
  function giveToken(request: IncomingMessage, response: ServerResponse): void {
    if (request.method !== 'GET') {
      response.writeHead(405).end();
      return;
    }
    const { authorization } = request.headers;
    const user = userOf(authorization);
    const isWrong = user === undefined && authorization !== undefined && users.length > 0;
    if (isWrong || (login && user === undefined)) {
      response.writeHead(401).end();
      return;
    }
    const token = randomBytes(12).toString('hex');
    tokens.set(token, user ?? '');
    response.end(JSON.stringify({ token, expires_in: tokenSeconds }));
  }

  function userOf(authorization: string | undefined): string | undefined {
    const all = [...(login ? [login] : []), ...users];
    return all.find((one) => basic(one) === authorization)?.username;
  }

  /** The status that a repository is refused with; undefined where it is not. */
  function refusal(repository: string, { headers }: IncomingMessage): number | undefined {
    const rule = hidden.get(repository);
    const authorization = headers.authorization ?? '';
    const user = tokens.get(authorization.replace('Bearer ', '')) ?? userOf(authorization);
    return rule && !rule.usernames.includes(user ?? '') ? rule.status : undefined;
  }

  function mayEnter({ headers }: IncomingMessage): boolean {
    if (auth === 'none') return true;
    if (auth === 'basic') return users.length > 0 || userOf(headers.authorization) !== undefined;
    return tokens.has((headers.authorization ?? '').replace('Bearer ', ''));
  }

  return {
    giveToken,
    refusal,
    mayEnter,
    hide: (repository, usernames, status = 401) => void hidden.set(repository, { usernames, status }),
    show: (repository) => void hidden.delete(repository),
    expireTokens: () => tokens.clear(),
  };
}

function basic({ username, password }: Login): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
