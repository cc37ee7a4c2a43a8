from elsewhere import init, run
