import type { CommandGroup } from '../../program/command.ts';

const teamName = ['NAME', 'name of the team'] as const;

const membership = [
  ['TEAM', 'name of the team'],
  ['ACCOUNT', 'name of the account'],
] as const;

/** `berth team …` */
export const team: CommandGroup = {
  name: 'team',
  summary: 'manage teams and their members',
  commands: [
    { name: 'add', summary: 'create a team', arguments: [teamName], load: async () => (await import('../team.ts')).addTeam },
    { name: 'list', summary: 'list the teams', printsData: true, load: async () => (await import('../team.ts')).listTeams },
    {
      name: 'members',
      summary: 'list the members of a team',
      arguments: [teamName],
      printsData: true,
      load: async () => (await import('../team.ts')).listMembers,
    },
    {
      name: 'join',
      summary: 'add an account to a team',
      arguments: membership,
      load: async () => (await import('../team.ts')).joinTeam,
    },
    {
      name: 'leave',
      summary: 'remove an account from a team',
      arguments: membership,
      load: async () => (await import('../team.ts')).leaveTeam,
    },
    {
      name: 'remove',
      summary: 'delete a team with its grants',
      arguments: [teamName],
      load: async () => (await import('../team.ts')).removeTeam,
    },
  ],
};
