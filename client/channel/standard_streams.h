#ifndef LARDER_CLIENT_CHANNEL_STANDARD_STREAMS_H_
#define LARDER_CLIENT_CHANNEL_STANDARD_STREAMS_H_

namespace larder {

// Takes the numbers 0, 1 and 2 if the process was started without one of the standard streams, so
// that no file or socket that it opens later is what it reads for stdin, or prints into. To use
// such a stream is an error (EBADF), as it was. For the begin of main.
void HoldStandardStreams();

}  // namespace larder

#endif  // LARDER_CLIENT_CHANNEL_STANDARD_STREAMS_H_
