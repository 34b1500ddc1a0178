import type { Router } from 'express';
import type { AccountRecord } from '../../../storage/metadata/queries/reads.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { isoTime } from '../../access/accounts/time.ts';
import { showToken } from '../../access/accounts/administration.ts';
import { AdministrationError } from '../../access/accounts/administration-error.ts';
import { type ApiHandler, type DefineHandler, administer, answer } from './api-handler.ts';
import { fieldsOf, pageOf } from './fields.ts';
import { showNamespace } from './namespaces.ts';

/** `/users` and `/robots`, with their tokens. */
export function addAccounts(router: Router, handle: DefineHandler, metadata: MetadataStore): void {
  for (const [path, kind] of [
    ['/users', 'user'],
    ['/robots', 'robot'],
  ] as const) {
    const find = async (name: string) => {
      const account = await metadata.findAccountByName(name);
      if (account?.kind !== kind) throw new AdministrationError('unknown', `no ${kind} is called ${name}`);
      return account;
    };

    router.get(
      path,
      handle(async (request, caller) => {
        caller.require(administer);
        const { after, limit } = pageOf(request);
        const accounts = await metadata.listAccounts(kind, after, limit);
        return answer(200, { items: accounts.map(show), next: accounts.length === limit ? accounts.at(-1)?.name : undefined });
      }),
    );
    router.get(
      `${path}/:name`,
      handle(async (request, caller) => {
        caller.require(administer);
        return answer(200, show(await find(nameIn(request.params))));
      }),
    );
    router.delete(
      `${path}/:name`,
      handle(async (request, caller) => {
        caller.require(administer);
        await caller.administration.deleteAccount((await find(nameIn(request.params))).name);
        return answer(204);
      }),
    );
    router.patch(
      `${path}/:name`,
      handle(async (request, caller) => {
        caller.require(administer);
        const { name } = await find(nameIn(request.params));
        await change(fieldsOf(request), name, caller.administration);
        return answer(200, show(await find(name)));
      }),
    );
    router.get(
      `${path}/:name/tokens`,
      handle(async (request, caller) => {
        caller.require(administer);
        const { id } = await find(nameIn(request.params));
        return answer(200, { items: (await metadata.listAccessTokens(id)).map(showToken) });
      }),
    );
    router.post(
      `${path}/:name/tokens`,
      handle(async (request, caller) => {
        caller.require(administer);
        const fields = fieldsOf(request);
        const { name: account } = await find(nameIn(request.params));
        return answer(201, await caller.administration.createToken({ account, ...newToken(fields) }));
      }),
    );
    router.delete(
      `${path}/:name/tokens/:id`,
      handle(async (request, caller) => {
        caller.require(administer);
        const { name } = await find(nameIn(request.params));
        await caller.administration.revokeToken(name, String(request.params['id']));
        return answer(204);
      }),
    );
  }
  addCreation(router, handle);
}

function addCreation(router: Router, handle: DefineHandler): void {
  router.post(
    '/users',
    handle(async (request, { administration, require }) => {
      require(administer);
      const fields = fieldsOf(request);
      fields.only('name', 'password', 'admin');
      const name = fields.text('name');
      const status = await administration.createUser({
        name,
        password: fields.text('password'),
        isAdmin: fields.optionalFlag('admin') ?? false,
      });
      return answer(201, { name, ...showNamespace(status) });
    }),
  );
  router.post(
    '/robots',
    handle(async (request, { administration, require }) => {
      require(administer);
      const fields = fieldsOf(request);
      fields.only('name', 'grants', 'expiresAt');
      const robot = {
        name: fields.text('name'),
        grants: fields.optionalTexts('grants') ?? [],
        expiresAt: fields.optionalTime('expiresAt'),
      };
      return answer(201, { name: robot.name, ...(await administration.createRobot(robot)) });
    }),
  );
}

type Administration = Parameters<ApiHandler>[1]['administration'];

async function change(fields: ReturnType<typeof fieldsOf>, name: string, administration: Administration): Promise<void> {
  fields.only('password', 'admin', 'disabled');
  const [password, admin, disabled] = [
    fields.optionalText('password'),
    fields.optionalFlag('admin'),
    fields.optionalFlag('disabled'),
  ];
  if (password !== undefined) await administration.setPassword(name, password);
  if (admin !== undefined) await administration.setAdmin(name, admin);
  if (disabled !== undefined) await administration.setDisabled(name, disabled);
}

export function newToken(fields: ReturnType<typeof fieldsOf>) {
  fields.only('name', 'scopes', 'expiresAt');
  return {
    name: fields.text('name'),
    scopes: fields.optionalTexts('scopes'),
    expiresAt: fields.optionalTime('expiresAt'),
  };
}

function nameIn(params: Readonly<Record<string, string | string[]>>): string {
  return String(params['name']);
}

function show({ name, kind, isAdmin, isDisabled, createdAt, expiresAt }: AccountRecord): object {
  return {
    name,
    kind,
    admin: isAdmin === 1,
    disabled: isDisabled === 1,
    createdAt: isoTime(createdAt),
    expiresAt: expiresAt === null ? null : isoTime(expiresAt),
  };
}
