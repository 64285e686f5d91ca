/*
 * The speeds in a struct termios, which are plain numbers here.
 */
#include <errno.h>
#include <termios.h>

speed_t cfgetispeed(const struct termios *terminal)
{
    return terminal->c_ispeed;
}

speed_t cfgetospeed(const struct termios *terminal)
{
    return terminal->c_ospeed;
}

static int set(speed_t *where, speed_t speed)
{
    static const speed_t known[] = {B0,     B50,    B75,    B110,    B134,   B150,  B200,
                                    B300,   B600,   B1200,  B1800,   B2400,  B4800, B9600,
                                    B19200, B38400, B57600, B115200, B230400};
    for (unsigned i = 0; i < sizeof known / sizeof known[0]; i++) {
        if (known[i] != speed)
            continue;
        *where = speed;
        return 0;
    }
    errno = EINVAL;
    return -1;
}

int cfsetispeed(struct termios *terminal, speed_t speed)
{
    return set(&terminal->c_ispeed, speed);
}

int cfsetospeed(struct termios *terminal, speed_t speed)
{
    return set(&terminal->c_ospeed, speed);
}

int cfsetspeed(struct termios *terminal, speed_t speed)
{
    int result = set(&terminal->c_ispeed, speed);
    return result == 0 ? set(&terminal->c_ospeed, speed) : result;
}

void cfmakeraw(struct termios *terminal)
{
    terminal->c_iflag &= ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    terminal->c_oflag &= ~OPOST;
    terminal->c_lflag &= ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    terminal->c_cflag = (terminal->c_cflag & ~(CSIZE | PARENB)) | CS8;
    terminal->c_cc[VMIN] = 1;
    terminal->c_cc[VTIME] = 0;
}
