/** Actions: what the audit trail records, in words; one that is not known here shows as it is. */

export const ACTIONS: readonly (readonly [action: string, words: string])[] = [
  ["session.begin", "Signed in"],
  ["session.fail", "Failed to sign in"],
  ["session.end", "Ended a session"],
  ["session.reuse", "Used a refresh token twice"],
  ["token.revoke", "Revoked a token"],
  ["user.register", "Registered"],
  ["user.add", "Added a user"],
  ["user.role", "Changed a role"],
  ["user.disable", "Disabled a user"],
  ["user.enable", "Enabled a user"],
  ["user.reset", "Reset a password"],
  ["user.password", "Changed a password"],
  ["second_factor.add", "Set up a second factor"],
  ["second_factor.remove", "Took a second factor away"],
  ["client.add", "Added a client"],
  ["client.rotate", "Rotated a client's secret"],
  ["client.revoke", "Revoked a client"],
  ["process.restart", "Restarted a process"],
  ["client.disable", "Disabled a client"],
  ["client.enable", "Enabled a client"],
  ["key.rotate", "Rotated the signing keys"],
  ["device.approve", "Approved a device"],
  ["device.deny", "Denied a device"],
  ["alert.take", "Took an alert"],
  ["alert.release", "Released an alert"],
  ["alert.assign", "Assigned an alert"],
  ["alert.note", "Noted something about an alert"],
  ["alert.resolve", "Resolved an alert"],
  ["alert.reopen", "Reopened an alert"],
  ["transaction.label", "Labelled a transaction"],
  ["suppression.add", "Silenced a detector"],
  ["suppression.end", "Let a detector be heard again"],
  ["scoring.add", "Made a scoring version"],
  ["scoring.shadow", "Let a scoring version run in shadow"],
  ["scoring.end_shadow", "Ended a scoring version's shadow"],
  ["scoring.promote", "Let a scoring version decide"],
  ["scoring.rollback", "Took a scoring version back"],
  ["dead_letter.replay", "Replayed a dead letter"],
  ["dead_letter.discard", "Discarded a dead letter"],
  ["command.run", "Ran a command"],
];

const WORDS: ReadonlyMap<string, string> = new Map(ACTIONS);

export function describeAction(action: string): string {
  return WORDS.get(action) ?? action;
}
