use super::*;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

async fn pair() -> (Arc<Pipe>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (peer, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
    let stream = accepted.unwrap().0;
    stream.writable().await.unwrap();
    (Pipe::new(stream).0, peer.unwrap())
}

fn scratch(frames: &[&[u8]]) -> Scratch {
    let frames = frames.iter().map(|frame| Bytes::copy_from_slice(frame)).collect();
    Scratch { frames, bytes: Vec::new() }
}

/// The messages in what a server wrote.
fn messages(mut bytes: &[u8]) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    while let [0x82, len, rest @ ..] = bytes {
        let (len, rest) = match len {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => (
                usize::try_from(u64::from_be_bytes(rest[..8].try_into().unwrap())).unwrap(),
                &rest[8..],
            ),
            len => (usize::from(*len), rest),
        };
        found.push(rest[..len].to_vec());
        bytes = &rest[len..];
    }
    assert!(bytes.is_empty(), "something stands between the frames");
    found
}

async fn read_exactly(peer: &mut TcpStream, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    peer.read_exact(&mut bytes).await.unwrap();
    bytes
}

#[tokio::test]
async fn messages_of_every_length_arrive_as_they_are() {
    let (pipe, mut peer) = pair().await;
    let lengths = [0, 1, 125, 126, 300, 65_535, 65_536, 70_000];
    let sent: Vec<Vec<u8>> = lengths.iter().map(|len| vec![7; *len]).collect();
    let whole: usize = lengths.iter().map(|len| len + header(*len).1).sum();
    let reading = tokio::spawn(async move { read_exactly(&mut peer, whole).await });
    for frame in &sent {
        pipe.write(&mut scratch(&[frame]));
        pipe.drained().await.unwrap();
    }
    assert_eq!(messages(&reading.await.unwrap()), sent);
}

#[tokio::test]
async fn what_a_slow_reader_has_not_taken_comes_first_and_whole() {
    let (pipe, mut peer) = pair().await;
    let mut sent = 0_u32;
    let mut whole = 0;
    // Until the kernel takes no more, in frames that are gathered and in frames that are not.
    for round in 0.. {
        let len = if round % 2 == 0 { 10_000 } else { 100_000 };
        let mut frame = vec![0; len];
        frame[..4].copy_from_slice(&sent.to_be_bytes());
        sent += 1;
        whole += len + header(len).1;
        if pipe.write(&mut scratch(&[&frame])) == Flow::Full {
            break;
        }
    }
    // The kernel has room again, but what waits comes first.
    let mut bytes = read_exactly(&mut peer, whole / 2).await;
    pipe.stream.writable().await.unwrap();
    for frame in [&[1_u8][..], &[2, 2], &[3, 3, 3]] {
        assert_eq!(pipe.write(&mut scratch(&[frame])), Flow::Full);
        whole += frame.len() + 2;
    }
    // As tungstenite writes what it has to say for itself.
    assert_eq!(pipe.write_framed(&[0x82, 1, 9]), Flow::Full);
    whole += 3;
    let rest = whole - bytes.len();
    let (drained, rest) = tokio::join!(pipe.drained(), read_exactly(&mut peer, rest));
    assert_eq!(drained, Ok(()));
    bytes.extend(rest);
    let got = messages(&bytes);
    let (last, first) = (&got[sent as usize..], &got[..sent as usize]);
    assert_eq!(last, [&[1][..], &[2, 2], &[3, 3, 3], &[9]]);
    for (n, frame) in (0_u32..).zip(first) {
        assert_eq!(frame[..4], n.to_be_bytes());
    }
    assert_eq!(pipe.write(&mut scratch(&[&[4]])), Flow::Free);
}

#[tokio::test]
async fn a_peer_that_takes_nothing_has_gone_after_a_while() {
    let (pipe, _peer) = pair().await;
    while pipe.write(&mut scratch(&[&[0; 10_000]])) != Flow::Full {}
    assert_eq!(pipe.drained_within(Duration::from_millis(20)).await, Err(Gone));
}

#[tokio::test]
async fn a_peer_that_pings_and_does_not_read_has_gone_before_much_waits() {
    let (pipe, _peer) = pair().await;
    while pipe.write(&mut scratch(&[&vec![0; 100_000]])) != Flow::Full {}
    let waits = |pipe: &Pipe| pipe.lock().parts.iter().map(Bytes::len).sum::<usize>();
    let before = waits(&pipe);
    let pong = [0x8a, 2, 0, 0];
    let taken = (0..1_000_000).take_while(|_| pipe.answer(&pong) == Flow::Full).count();
    assert!(taken > 1_000 && taken < 1_000_000, "{taken}");
    assert!(waits(&pipe) - before <= limits::UNSENT_ANSWERS_BYTES_MAX + pong.len());
}

#[tokio::test]
async fn answers_that_were_taken_count_no_more() {
    let (pipe, mut peer) = pair().await;
    for _ in 0..2 {
        while pipe.write(&mut scratch(&[&vec![0; 100_000]])) != Flow::Full {}
        let most = vec![0; limits::UNSENT_ANSWERS_BYTES_MAX];
        assert_eq!(pipe.answer(&most), Flow::Full);
        let reading = async {
            let mut bytes = vec![0; 1_000];
            while !pipe.lock().parts.is_empty() {
                peer.read_exact(&mut bytes).await.unwrap();
            }
        };
        tokio::join!(reading, async { pipe.drained().await.unwrap() });
    }
}
