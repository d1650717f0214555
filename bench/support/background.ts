/**
 * Many connections in full rooms that send now and then, in a process of their own, so that the process that measures
 * does nothing else. Forked by bench/beside.ts.
 */
import { DIALECTS, type DialectName } from './dialects.ts';
import { Load } from './load.ts';

/** What the bench says: come, and then send for a while (answered by a BackgroundReport each). */
export type BackgroundOrder =
  | {
      readonly type: 'come';
      readonly url: string;
      readonly dialect: DialectName;
      readonly rooms: number;
      readonly roomSize: number;
    }
  | { readonly type: 'send'; readonly perSecond: number; readonly milliseconds: number };

export interface BackgroundReport {
  readonly connections: number;
  readonly messages: number;
  readonly lost: number;
  readonly closed: number;
}

let load: Load | undefined;

async function obey(order: BackgroundOrder): Promise<BackgroundReport> {
  if (order.type === 'come') {
    load = await Load.open(new URL(order.url), DIALECTS[order.dialect], order);
    return { connections: load.connections, messages: 0, lost: 0, closed: load.closed };
  }
  if (load === undefined) throw new Error('send before come');
  const { messages, lost } = await load.pace(order.perSecond, order.milliseconds);
  return { connections: load.connections, messages, lost, closed: load.closed };
}

process.on('message', async (order: BackgroundOrder) => process.send?.(await obey(order)));
process.on('disconnect', () => process.exit(0));
