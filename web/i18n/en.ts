import type { Happening } from '../call/happenings.ts';
import type { Notice } from '../call/notice.ts';
import type { Trouble } from '../media/trouble.ts';

/** Every word the page says, in English. Other languages have the same keys: the compiler sees to it. */

const people = (n: number) => (n === 1 ? '1 person' : `${n} people`);
const seconds = (n: number) => `${n} s`;

export const en = {
  locale: 'en',
  otherLanguage: '日本語',
  title: 'Bloom',
  titleInRoom: 'In a call · Bloom',

  start: {
    heading: 'A room to talk in',
    lead: 'Create a room and send its link. Voice, video and screens go straight from browser to browser: nothing is recorded, and there is nothing to install.',
    invited: 'You are invited',
    invitedLead: 'See how you look and sound, then join.',
    leftHeading: 'You left the room',
    leftLead: 'The link still works while somebody is there.',
    name: 'Your name',
    namePlaceholder: 'What others see',
    create: 'Create room',
    join: 'Join room',
    or: 'or join one',
    link: 'Room link or ID',
    linkPlaceholder: 'Paste it here',
    linkMissing: 'Paste the link you were sent, or the room’s ID.',
    linkBad: 'There is no room ID in this. It looks like 3f2c8e0a-5b1d-4c7e-9a64-1d2e3f405162.',
    entering: 'Connecting…',
    cancel: 'Cancel',
    ownRoom: 'Or start a room of your own:',
    reopen: 'Open it again',
  },

  notices: {
    left: '',
    badLink: 'There is no room in this link. Ask for it again, or create a room.',
    roomNotFound:
      'Room not found. It closes a while after the last person leaves. You can open it again under the same link.',
    roomFull: 'This room is full. Try again when somebody has left.',
    serverFull: 'The server cannot open the room right now. Try again in a moment.',
    tooManyAttempts: 'Too many attempts from here. Wait a minute, then try again.',
    failed: 'The connection to the server ended. Try again to go on.',
  } satisfies Record<Notice, string>,

  preview: {
    label: 'Preview',
    cameraOff: 'Your camera is off',
    cameraOpening: 'Starting your camera…',
    level: 'Microphone level',
    check: 'Check microphone',
    checking: 'Allow the microphone when the browser asks',
    muted: 'You will join muted',
    click: 'Click anywhere, then say something: the bar moves when you are heard',
    speak: 'Say something: the bar moves when you are heard',
  },

  controls: {
    label: 'Call controls',
    mute: 'Mute',
    unmute: 'Unmute',
    cameraOn: 'Turn camera on',
    cameraOff: 'Turn camera off',
    share: 'Share screen',
    unshare: 'Stop sharing',
    leave: 'Leave',
    chat: 'Chat',
    unread: (n: number) => `Chat, ${n} new`,
    settings: 'Settings',
    connection: 'Connection details',
    short: { camera: 'Camera', share: 'Share', unshare: 'Stop', connection: 'Details' },
  },

  invitation: {
    heading: 'Nobody else is here yet',
    lead: 'Send this link to whoever should join. It opens this room for anyone who has it.',
    label: 'Room link',
    copy: 'Copy link',
    copied: 'Link copied',
    share: 'Send link…',
    shareTitle: 'Join my call',
    notCopied: 'Could not copy: select the link and copy it by hand.',
  },

  participants: {
    label: 'Participants',
    you: 'you',
    guest: 'Guest',
    muted: 'muted',
    speaking: 'speaking',
    cameraOf: (name: string) => `${name}, camera`,
    screenOf: (name: string) => `${name} is sharing their screen`,
    ownScreen: 'You are sharing your screen',
    screens: 'Shared screens',
    fullscreen: 'Full screen',
    sound: 'Turn sound on',
    soundLead: 'Your browser is holding back the sound of this call.',
    states: {
      connecting: 'Connecting…',
      connected: 'Connected',
      interrupted: 'Server connection lost',
      reconnecting: 'Reconnecting…',
      failed: 'No connection',
      closed: 'Gone',
    },
  },

  status: {
    idle: 'Not connected',
    connecting: 'Connecting…',
    alone: 'Connected',
    people,
    connected: (n: number) => `Connected to ${people(n)}`,
    reachingPeers: (names: string) => `Connecting to ${names}…`,
    lostPeers: (names: string) => `Connection to ${names} lost. Reconnecting…`,
    failedPeers: (names: string) => `No connection to ${names}. It is tried again every minute.`,
    interruptedPeers: (names: string) => `${names}: server connection lost. The call goes on.`,
    waiting: 'Server connection lost. Reconnecting',
    waitingFor: (n: number) => `in ${seconds(n)}…`,
    unreachable: 'The server cannot be reached. Trying again',
    reconnecting: 'Server connection lost. Reconnecting…',
    offline: 'No network. Reconnecting when it is back.',
    closed: 'Disconnected',
    mediaGoesOn: (n: number) => `The call with ${people(n)} goes on.`,
    rtt: (ms: number) => `${ms} ms`,
  },

  details: {
    heading: 'Connection',
    server: 'Server',
    attempt: 'Attempt',
    reason: 'Why',
    id: 'ID',
    nobody: 'Nobody else is here.',
    state: 'State',
    rtt: 'Round trip',
    route: 'Route',
    routeOf: (local: string, remote: string, protocol: string) => `${local} → ${remote}, ${protocol}`,
    routeTypes: { host: 'direct', srflx: 'through NAT', prflx: 'through NAT', relay: 'relay' },
    addresses: 'Addresses',
    sent: 'Sent',
    received: 'Received',
    audio: 'Audio in',
    video: 'Video in',
    packets: (n: number, lost: number) => `${n} packets, ${lost} lost`,
    jitter: (ms: number) => `jitter ${ms} ms`,
    level: (level: number) => `level ${level.toFixed(3)}`,
    frames: (width: number, height: number, fps: number) => `${width}×${height}, ${fps} fps`,
  },

  settings: {
    heading: 'Settings',
    devices: 'Devices',
    microphone: 'Microphone',
    camera: 'Camera',
    speaker: 'Speaker',
    systemDefault: 'System default',
    device: (n: number) => `Device ${n}`,
    noneYet: 'Devices can be chosen once the microphone or camera is in use.',
  },

  chat: {
    heading: 'Chat',
    message: 'Message',
    placeholder: 'Write a message',
    send: 'Send',
    empty: 'Messages go to those who are here now, and are kept nowhere.',
    nobody: 'Nobody else is here to read it.',
  },

  panel: { close: 'Close' },

  trouble: {
    microphone: {
      denied:
        'Your microphone is blocked. You can still join and listen. To speak, allow the microphone for this site in your browser (the icon beside the address), then unmute.',
      missing: 'No microphone found. You can still join and listen. To speak, plug one in, then unmute.',
      busy: 'Your microphone is in use by another program. Close that one, then unmute. Until then you can listen.',
      insecure:
        'Browsers give the microphone only to pages from https. You can listen here; to speak, open this page by https.',
      ended: 'Your microphone has stopped. You can listen; unmute to try again.',
      failed: 'Your microphone could not be started. You can listen; unmute to try again.',
    },
    camera: {
      denied:
        'Your camera is blocked. To be seen, allow the camera for this site in your browser (the icon beside the address), then turn it on again.',
      missing: 'No camera found. Plug one in, then turn it on again.',
      busy: 'Your camera is in use by another program. Close that one, then turn it on again.',
      insecure: 'Browsers give the camera only to pages from https.',
      ended:
        'Your camera has stopped: it was unplugged, or is not allowed any more. Turn it on to try again.',
      failed: 'Your camera could not be started. Turn it on to try again.',
    },
    screen: {
      denied: 'The screen is not shared: it was not allowed. Share again to choose what others see.',
      missing: 'There is no screen to share.',
      busy: 'The system does not let the screen be captured.',
      insecure: 'Browsers let only pages from https share the screen.',
      ended: 'The screen is not shared any more.',
      failed: 'This browser cannot share the screen.',
    },
    dismiss: 'Dismiss',
  } satisfies Record<'microphone' | 'camera' | 'screen', Record<Trouble, string>> & { dismiss: string },

  happenings: {
    joined: (name: string) => `${name} is here`,
    left: (name: string) => `${name} left`,
    shares: (name: string) => `${name} is sharing their screen`,
    sharesNoMore: (name: string) => `${name} stopped sharing`,
    lost: (name: string) => `Connection to ${name} lost, reconnecting`,
    failed: (name: string) => `No connection to ${name}`,
    back: (name: string) => `${name} is connected`,
  } satisfies Record<Happening['type'], (name: string) => string>,

  announcements: {
    entered: 'You are in the room',
    sharing: 'You are sharing your screen',
    sharingEnded: 'You stopped sharing',
    message: (name: string) => `Message from ${name}`,
  },
};

export type Text = typeof en;
