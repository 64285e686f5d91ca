/*
 * <termios.h>, POSIX.1-2008: newlib's includes this.  The numbers are those of <portolan/tty.h>.
 */
#ifndef _SYS_TERMIOS_H
#define _SYS_TERMIOS_H

#include <sys/cdefs.h>
#include <sys/types.h>

typedef unsigned char cc_t;
typedef unsigned int speed_t;
typedef unsigned int tcflag_t;

#define VINTR 0
#define VQUIT 1
#define VERASE 2
#define VKILL 3
#define VEOF 4
#define VTIME 5
#define VMIN 6
#define VSTART 8
#define VSTOP 9
#define VSUSP 10
#define VEOL 11
#define VREPRINT 12
#define VDISCARD 13
#define VWERASE 14
#define VLNEXT 15
#define VEOL2 16
#define NCCS 20

struct termios {
    tcflag_t c_iflag, c_oflag, c_cflag, c_lflag;
    cc_t c_cc[NCCS];
    speed_t c_ispeed, c_ospeed;
};

/* c_iflag */
#define IGNBRK 0x0001u
#define BRKINT 0x0002u
#define IGNPAR 0x0004u
#define PARMRK 0x0008u
#define INPCK 0x0010u
#define ISTRIP 0x0020u
#define INLCR 0x0040u
#define IGNCR 0x0080u
#define ICRNL 0x0100u
#define IXON 0x0400u
#define IXANY 0x0800u
#define IXOFF 0x1000u
#define IMAXBEL 0x2000u
#define IUTF8 0x4000u

/* c_oflag */
#define OPOST 0x0001u
#define ONLCR 0x0004u
#define OCRNL 0x0008u
#define ONOCR 0x0010u
#define ONLRET 0x0020u
#define OFILL 0x0040u
#define OFDEL 0x0080u
#define NLDLY 0x0100u
#define NL0 0u
#define NL1 0x0100u
#define CRDLY 0x0600u
#define CR0 0u
#define CR1 0x0200u
#define CR2 0x0400u
#define CR3 0x0600u
#define TABDLY 0x1800u
#define TAB0 0u
#define TAB1 0x0800u
#define TAB2 0x1000u
#define TAB3 0x1800u
#define BSDLY 0x2000u
#define BS0 0u
#define BS1 0x2000u
#define VTDLY 0x4000u
#define VT0 0u
#define VT1 0x4000u
#define FFDLY 0x8000u
#define FF0 0u
#define FF1 0x8000u

/* c_cflag */
#define CSIZE 0x0030u
#define CS5 0u
#define CS6 0x0010u
#define CS7 0x0020u
#define CS8 0x0030u
#define CSTOPB 0x0040u
#define CREAD 0x0080u
#define PARENB 0x0100u
#define PARODD 0x0200u
#define HUPCL 0x0400u
#define CLOCAL 0x0800u
#define CRTSCTS 0x80000000u

/* c_lflag */
#define ISIG 0x0001u
#define ICANON 0x0002u
#define ECHO 0x0008u
#define ECHOE 0x0010u
#define ECHOK 0x0020u
#define ECHONL 0x0040u
#define NOFLSH 0x0080u
#define TOSTOP 0x0100u
#define IEXTEN 0x8000u
#define ECHOCTL 0x0200u
#define ECHOKE 0x0800u

/* Speeds, in bits a second. */
#define B0 0u
#define B50 50u
#define B75 75u
#define B110 110u
#define B134 134u
#define B150 150u
#define B200 200u
#define B300 300u
#define B600 600u
#define B1200 1200u
#define B1800 1800u
#define B2400 2400u
#define B4800 4800u
#define B9600 9600u
#define B19200 19200u
#define B38400 38400u
#define B57600 57600u
#define B115200 115200u
#define B230400 230400u

#define TCSANOW 0
#define TCSADRAIN 1
#define TCSAFLUSH 2
#define TCIFLUSH 0
#define TCOFLUSH 1
#define TCIOFLUSH 2
#define TCOOFF 0
#define TCOON 1
#define TCIOFF 2
#define TCION 3

__BEGIN_DECLS

speed_t cfgetispeed(const struct termios *);
speed_t cfgetospeed(const struct termios *);
int cfsetispeed(struct termios *, speed_t);
int cfsetospeed(struct termios *, speed_t);
int tcdrain(int);
int tcflow(int, int);
int tcflush(int, int);
int tcgetattr(int, struct termios *);
pid_t tcgetsid(int);
int tcsendbreak(int, int);
int tcsetattr(int, int, const struct termios *);
#if __BSD_VISIBLE || __GNU_VISIBLE
void cfmakeraw(struct termios *);
int cfsetspeed(struct termios *, speed_t);
#endif
#if __POSIX_VISIBLE >= 202405 || __MISC_VISIBLE
#ifndef _WINSIZE_DECLARED
#define _WINSIZE_DECLARED
struct winsize {
    unsigned short ws_row, ws_col, ws_xpixel, ws_ypixel;
};
#endif
int tcgetwinsize(int, struct winsize *);
int tcsetwinsize(int, const struct winsize *);
#endif

__END_DECLS

#endif
