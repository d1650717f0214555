/** The package: a Bloom server to embed. `bloom-signaling/protocol` is what a client needs. */

export { connectionMachine } from '../machines/connection.ts';
export { participantMachine } from '../machines/participant.ts';
export { roomMachine } from '../machines/room.ts';
export { type Bloom, type BloomOptions, createBloom } from './bloom.ts';
export { type Config, ConfigError, readConfig } from './config.ts';
export { type BloomServer, createServer, type Parts } from './server.ts';
export { createLogger, type Logger, type LogLevel } from './telemetry/logger.ts';
