import type { Router } from 'express';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { AdministrationError } from '../../access/accounts/administration-error.ts';
import { type DefineHandler, administer, answer } from './api-handler.ts';
import { fieldsOf, pageOf } from './fields.ts';

/** `/teams` and their members. */
export function addTeams(router: Router, handle: DefineHandler, metadata: MetadataStore): void {
  router.get(
    '/teams',
    handle(async (request, { require }) => {
      require(administer);
      const { after, limit } = pageOf(request);
      const names = await metadata.listTeams(after, limit);
      return answer(200, { items: names.map((name) => ({ name })), next: names.length === limit ? names.at(-1) : undefined });
    }),
  );
  router.post(
    '/teams',
    handle(async (request, { require, administration }) => {
      require(administer);
      const fields = fieldsOf(request);
      fields.only('name');
      await administration.createTeam(fields.text('name'));
      return answer(201, { name: fields.text('name') });
    }),
  );
  router.get(
    '/teams/:name',
    handle(async (request, { require }) => {
      require(administer);
      const name = String(request.params['name']);
      const team = await metadata.findTeam(name);
      if (!team) throw new AdministrationError('unknown', `no team is called ${name}`);
      return answer(200, { name, members: await metadata.listMembers(team.id) });
    }),
  );
  router.delete(
    '/teams/:name',
    handle(async (request, { require, administration }) => {
      require(administer);
      await administration.deleteTeam(String(request.params['name']));
      return answer(204);
    }),
  );
  router.put(
    '/teams/:name/members/:account',
    handle(async (request, { require, administration }) => {
      require(administer);
      await administration.addMember(String(request.params['name']), String(request.params['account']));
      return answer(204);
    }),
  );
  router.delete(
    '/teams/:name/members/:account',
    handle(async (request, { require, administration }) => {
      require(administer);
      await administration.removeMember(String(request.params['name']), String(request.params['account']));
      return answer(204);
    }),
  );
}
