import type { account as english } from '../english/account.ts';

export const account: typeof english = {
  tokens: {
    title: '访问令牌',
    none: '还没有访问令牌。',
    created: '新的访问令牌',
    createdHelp: '这是以下用户名的密码，例如用于 docker login。本页面只显示一次。用户名：',
    name: '名称',
    kind: '类型',
    may: '权限',
    everything: '您的全部权限',
    more: (count) => `以及另外 ${count} 项`,
    expires: '到期时间',
    never: '永不',
    lastUsed: '上次使用',
    revoke: '撤销',
    revokeNamed: (name) => `撤销 ${name}`,
    create: '创建',
    newToken: '新建访问令牌',
    scopes: '权限（格式为 模式:操作，每行一项；留空表示您的全部权限）',
    validFor: '有效期',
    days: (days) => `${days} 天`,
    noLimit: '不限',
    chooseLifetime: '请选择令牌的有效期',
    kinds: { personal: '访问令牌', robot: '机器人', refresh: 'docker login', session: '网页' },
  },
};
