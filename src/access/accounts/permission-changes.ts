import type { Administration } from './administration.ts';
import { AdministrationError } from './administration-error.ts';
import type { ChangeContext } from './change-context.ts';
import { resolveSubject } from './subjects.ts';
import { requireGrant, requireName, requirePattern } from './validation.ts';

type PermissionChanges = Pick<
  Administration,
  'createTeam' | 'deleteTeam' | 'addMember' | 'removeMember' | 'grant' | 'revokeGrant' | 'setPublic'
>;

/** Changes of teams, grants and visibility. */
export function createPermissionChanges({ metadata, event, accountNamed }: ChangeContext): PermissionChanges {
  async function teamNamed(name: string): Promise<number> {
    const team = await metadata.teams.find(name);
    if (!team) throw new AdministrationError('unknown', `no team is called ${name}`);
    return team.id;
  }

  return {
    async createTeam(name) {
      requireName(name);
      if (!(await metadata.teams.create(name, event('team.create', name)))) {
        throw new AdministrationError('taken', `${name} exists already`, 'name');
      }
    },

    async deleteTeam(name) {
      await metadata.teams.remove(await teamNamed(name), event('team.delete', name));
    },

    async addMember(team, account) {
      const teamId = await teamNamed(team);
      await metadata.teams.addMember(teamId, (await accountNamed(account)).id, event('team.join', team, { account }));
    },

    async removeMember(team, account) {
      const teamId = await teamNamed(team);
      await metadata.teams.removeMember(teamId, (await accountNamed(account)).id, event('team.leave', team, { account }));
    },

    async grant(subjectText, patternText, actionsText) {
      const { pattern, actions } = requireGrant(`${patternText}:${actionsText}`);
      const detail = { pattern: pattern.text, actions: actions.join(',') };
      return metadata.grants.put(
        { subject: await resolveSubject(metadata, subjectText), ...detail },
        event('grant.put', subjectText, detail),
      );
    },

    async revokeGrant(id) {
      const found = await metadata.grants.find(id);
      if (!found) throw new AdministrationError('unknown', `there is no grant ${id}`);
      const { subject, pattern, actions } = found;
      await metadata.grants.remove(id, event('grant.delete', subject, { pattern, actions }));
    },

    async setPublic(patternText, isPublic) {
      const pattern = requirePattern(patternText);
      if (isPublic === undefined) await metadata.visibilities.remove(pattern.text, event('visibility.clear', pattern.text));
      else {
        const action = isPublic ? 'visibility.public' : 'visibility.private';
        await metadata.visibilities.put(pattern.text, isPublic, pattern.kind !== 'name', event(action, pattern.text));
      }
    },
  };
}
