//! Ctrl-C and termination: the first asks for a checkpoint, the second stops at once.

use tokio::signal;
use tokio::sync::watch;

use ledgerferry::run::Ending;

use super::failure::Failure;

/// Waits for Ctrl-C or a request to terminate, and says which exit code it stands for.
pub(crate) async fn wait() -> Ending {
    #[cfg(unix)]
    {
        let mut terminate = signal::unix::signal(signal::unix::SignalKind::terminate())
            .expect("a signal handler can be installed");
        tokio::select! {
            _ = signal::ctrl_c() => Ending::Interrupted,
            _ = terminate.recv() => Ending::Terminated,
        }
    }
    #[cfg(not(unix))]
    {
        // Without a handler Ctrl-C ends the process at once, which the ledger survives.
        let _ = signal::ctrl_c().await;
        Ending::Interrupted
    }
}

/// Whether somebody has asked for an end, and which one.
pub(crate) type StopSign = watch::Receiver<Option<Ending>>;

/// A stop sign that the first Ctrl-C or request to terminate raises, saying which; the second ends the process.
pub(crate) fn stop_sign() -> StopSign {
    let (raise, sign) = watch::channel(None);
    tokio::spawn(async move {
        // Nobody looks any more when the run is over, and then there is nothing to stop.
        raise.send_replace(Some(wait().await));
        leave(wait().await);
    });
    sign
}

/// Does the work, or ends it when somebody asks for an end; nothing must be lost by that.
pub(crate) async fn unless_stopped<T>(
    stop: &StopSign,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let mut stop = stop.clone();
    tokio::select! {
        asked = stop.wait_for(Option::is_some) => {
            let ending = asked.ok().and_then(|ending| *ending).unwrap_or(Ending::Interrupted);
            Err(Failure::stopped(ending))
        }
        done = work => done,
    }
}

/// While a person is asked, the first Ctrl-C is an answer: it ends the process, of which nothing was written.
pub(crate) fn leave_while_asked() -> tokio::task::JoinHandle<()> {
    tokio::spawn(async { leave(wait().await) })
}

#[expect(clippy::exit, reason = "the second Ctrl-C stops at once; the ledger makes that safe")]
fn leave(exit: Ending) -> ! {
    std::process::exit(i32::from(exit.code()))
}
