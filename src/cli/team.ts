import { type Administrating, administrating, everything, pageSize } from './admin-command.ts';
import { type Command, UsageError } from './command.ts';

/** `berth team …`: users who are given the same. */
export const teamCommands: readonly Command[] = [
  administrating('team add', 'NAME', 'create a team', ({ administration, operands: [name = ''] }) =>
    administration.createTeam(name),
  ),
  administrating('team list', '', 'list teams', list),
  administrating('team members', 'NAME', "list a team's members", members),
  administrating('team join', 'TEAM ACCOUNT', 'make an account a member', ({ administration, operands }) =>
    administration.addMember(operands[0] ?? '', operands[1] ?? ''),
  ),
  administrating('team leave', 'TEAM ACCOUNT', 'make it no member', ({ administration, operands }) =>
    administration.removeMember(operands[0] ?? '', operands[1] ?? ''),
  ),
  administrating('team remove', 'NAME', 'delete a team with its grants', ({ administration, operands: [name = ''] }) =>
    administration.deleteTeam(name),
  ),
];

async function list({ metadata, print }: Administrating): Promise<void> {
  const teams = await everything(
    '',
    (after) => metadata.listTeams(after, pageSize),
    (name) => name,
  );
  for (const name of teams) print(name);
}

async function members({ metadata, operands: [name = ''], print }: Administrating): Promise<void> {
  const team = await metadata.findTeam(name);
  if (!team) throw new UsageError(`no team is called ${name}`);
  for (const member of await metadata.listMembers(team.id)) print(member);
}
