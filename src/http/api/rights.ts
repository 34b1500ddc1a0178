import type { Router } from 'express';
import type { GrantRecord } from '../../../storage/metadata/queries/reads.ts';
import type { MetadataStore } from '../../../storage/metadata/store.ts';
import { AdministrationError } from '../../access/accounts/administration-error.ts';
import type { PermissionRequest } from '../../access/permissions/authorize.ts';
import { parsePattern } from '../../access/permissions/pattern.ts';
import { type DefineHandler, administer, answer } from './api-handler.ts';
import { fieldsOf, numberOf, pageOf } from './fields.ts';

/** `/grants` and `/visibilities`: who may do what, and what is public. Who has `admin` of a pattern decides about it. */
export function addRights(router: Router, handle: DefineHandler, metadata: MetadataStore): void {
  router.get(
    '/grants',
    handle(async (request, { require }) => {
      require(administer);
      const { after, limit } = pageOf(request);
      const grants = await metadata.listGrants(undefined, numberOf(after === '' ? '0' : after, 'after'), limit);
      const items = grants.map(({ id, subjectName, pattern, actions }) => ({
        id,
        subject: subjectName,
        pattern,
        actions: actions.split(','),
      }));
      return answer(200, { items, next: grants.length === limit ? String(grants.at(-1)?.id) : undefined });
    }),
  );
  router.post(
    '/grants',
    handle(async (request, { require, administration }) => {
      const fields = fieldsOf(request);
      fields.only('subject', 'pattern', 'actions');
      const pattern = fields.text('pattern');
      require(manage(pattern));
      const actions = (fields.optionalTexts('actions') ?? []).join(',');
      return answer(201, { id: await administration.grant(fields.text('subject'), pattern, actions) });
    }),
  );
  router.delete(
    '/grants/:id',
    handle(async (request, { require, administration }) => {
      const id = numberOf(String(request.params['id']), 'id');
      const found: GrantRecord | undefined = await metadata.findGrant(id);
      require(found ? manage(found.pattern) : administer);
      await administration.revokeGrant(id);
      return answer(204);
    }),
  );
  router.get(
    '/visibilities',
    handle(async (request, { require }) => {
      require(administer);
      const { after, limit } = pageOf(request);
      const said = await metadata.listVisibilities(after, limit);
      const items = said.map(({ pattern, isPublic }) => ({ pattern, public: isPublic === 1 }));
      return answer(200, { items, next: said.length === limit ? said.at(-1)?.pattern : undefined });
    }),
  );
  router.put(
    '/visibilities',
    handle(async (request, { require, administration }) => {
      const fields = fieldsOf(request);
      fields.only('pattern', 'public');
      const pattern = fields.text('pattern');
      require(manage(pattern));
      await administration.setPublic(pattern, fields.optionalFlag('public'));
      return answer(204);
    }),
  );
}

function manage(text: string): PermissionRequest {
  const pattern = parsePattern(text);
  if (!pattern) throw new AdministrationError('invalid', `${text} is no repository pattern: NAME, PREFIX/* or PREFIX/**`);
  return { action: 'manage', pattern };
}
